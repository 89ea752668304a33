// The texts of the glossary, as compiled into the program.
#ifndef COURANT_GLOSSARY_H
#define COURANT_GLOSSARY_H

extern const unsigned char courant_glossary[];
extern const unsigned long courant_glossary_length;
extern const unsigned char courant_timezones[];
extern const unsigned long courant_timezones_length;

// Swift does not import arrays of unknown length, so it asks for where they begin.
static inline const unsigned char *courant_glossary_start(void) { return courant_glossary; }
static inline const unsigned char *courant_timezones_start(void) { return courant_timezones; }

#endif
