#include "CSimdjson.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>

using simdjson::error_code;
using simdjson::dom::document_stream;

struct courant_json_parser {
    simdjson::dom::parser parser;
    document_stream stream;
    document_stream::iterator at;
    bool started = false;
};

static_assert(COURANT_JSON_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson reads further than we leave room");

extern "C" {

courant_json_parser *courant_json_parser_make(void) {
    auto *made = new (std::nothrow) courant_json_parser;
#ifdef SIMDJSON_THREADS_ENABLED
    if (made) made->parser.threaded = false;
#endif
    return made;
}

void courant_json_parser_free(courant_json_parser *parser) { delete parser; }

static void hand_out(const courant_json_parser *parser, courant_json_document *document) {
    document->tape = parser->parser.doc.tape.get();
    document->strings = parser->parser.doc.string_buf.get();
    document->position = 0;
}

int courant_json_parse(courant_json_parser *parser, const uint8_t *text, size_t length,
                       courant_json_document *document) {
    error_code code = parser->parser.parse(text, length, false).error();
    if (code) return code;
    hand_out(parser, document);
    return 0;
}

int courant_json_stream_start(courant_json_parser *parser, const uint8_t *text, size_t length) {
    // One batch holds the whole text, so that no document is ever larger than a batch.
    size_t batch = std::max(length, size_t(64));
    error_code code = parser->parser.parse_many(text, length, batch).get(parser->stream);
    if (code) return code;
    parser->at = parser->stream.begin();
    parser->started = false;
    return 0;
}

int courant_json_stream_next(courant_json_parser *parser, courant_json_document *document) {
    if (parser->started) ++parser->at;
    parser->started = true;
    document->tape = nullptr;
    document->strings = nullptr;
    if (!(parser->at != parser->stream.end())) {
        return parser->stream.truncated_bytes() == 0 ? 0 : simdjson::INCOMPLETE_ARRAY_OR_OBJECT;
    }
    error_code code = (*parser->at).error();
    if (code) return code;
    hand_out(parser, document);
    document->position = parser->at.current_index();
    return 0;
}

size_t courant_count_line_feeds(const uint8_t *text, size_t length) {
    size_t count = 0;
    const uint8_t *end = text + length;
    while ((text = static_cast<const uint8_t *>(std::memchr(text, '\n', size_t(end - text))))) {
        count++;
        text++;
    }
    return count;
}

bool courant_json_is_memory_short(int code) { return error_code(code) == simdjson::MEMALLOC; }

const char *courant_json_error(int code) { return simdjson::error_message(error_code(code)); }

}  // extern "C"
