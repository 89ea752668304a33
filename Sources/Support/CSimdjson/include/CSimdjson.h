#ifndef COURANT_CSIMDJSON_H
#define COURANT_CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A C face on simdjson's DOM. It hands out the tape and the string buffer of a parsed document,
// which the caller walks without another call; both stay valid until the parser's next parse.
// The tape's words are described in simdjson's doc/tape.md.

typedef struct courant_json_parser courant_json_parser;

typedef struct {
    const uint64_t *tape;
    const uint8_t *strings;
    // Where the document begins in the text of a stream.
    size_t position;
} courant_json_document;

enum {
    // Bytes that must be readable behind the text of a document.
    COURANT_JSON_PADDING = 64,
};

// Returns NULL when memory is short.
courant_json_parser *courant_json_parser_make(void);
void courant_json_parser_free(courant_json_parser *parser);

// Parses one document. Returns 0, or simdjson's error code.
int courant_json_parse(courant_json_parser *parser, const uint8_t *text, size_t length,
                       courant_json_document *document);

// Starts on documents that follow one another, each on a line of its own or not.
int courant_json_stream_start(courant_json_parser *parser, const uint8_t *text, size_t length);

// Parses the next document of a stream: 0 and a document; 0 and a NULL tape at the end; an error code
// when a document is broken or the last one is cut off.
int courant_json_stream_next(courant_json_parser *parser, courant_json_document *document);

// How many line feeds a text has: here, because the C library's search is sixteen times as fast as a loop.
size_t courant_count_line_feeds(const uint8_t *text, size_t length);

// Whether an error code says that memory was short: no fault of the text's.
bool courant_json_is_memory_short(int code);

// What an error code means, in a few words. Static storage.
const char *courant_json_error(int code);

#ifdef __cplusplus
}
#endif

#endif
