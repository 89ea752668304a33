#include "CGlossary.h"

// #embed is C23; clang takes it as an extension in the older language modes that SwiftPM uses.
#pragma clang diagnostic ignored "-Wc23-extensions"

const unsigned char courant_glossary[] = {
#embed "glossary.txt"
};
const unsigned long courant_glossary_length = sizeof courant_glossary;

const unsigned char courant_timezones[] = {
#embed "timezones.txt"
};
const unsigned long courant_timezones_length = sizeof courant_timezones;
