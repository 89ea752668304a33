// The ceiling to measure against: one thread, NDJSON in, Avro object-container bytes out, no checks beyond types.
// simdjson's DOM parses, a hand-written encoder writes each type's datum into its block, blocks are compressed.
//
// build: c++ -O3 -march=native -std=c++17 reference.cpp -o reference -lsimdjson -ldeflate -lzstd -lsnappy
// usage: python3 events.py --table > schemas.txt; python3 events.py 1000000 > events.ndjson
//        ./reference parse|null|deflate1|zstd1|snappy events.ndjson schemas.txt [runs=5] [block=1048576]
#include <libdeflate.h>
#include <simdjson.h>
#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

using simdjson::dom::element;
using std::string;
using std::string_view;

enum class Kind { string, integer, boolean, array };
struct Field { string name; Kind kind; bool nullable; };
struct Value { bool set; element e; };
struct Type {
  string name;
  std::vector<Field> fields;
  std::unordered_map<string_view, int> slot;
  std::vector<uint8_t> block;
  size_t used = 0;
};

static std::vector<std::unique_ptr<Type>> types;
static std::unordered_map<string_view, Type *> by_name;
static string codec;
static size_t block_bytes = 1 << 20, out_bytes = 0, raw_bytes = 0;
static std::vector<char> packed;
static libdeflate_compressor *deflater;
static ZSTD_CCtx *zstd;

static double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void load_types(const char *path) {
  std::ifstream in(path);
  for (string line; std::getline(in, line);) {
    std::istringstream words(line);
    string tag, name, kind;
    int nullable;
    words >> tag >> name >> kind >> nullable;
    if (tag == "T") { types.emplace_back(new Type); types.back()->name = name; continue; }
    Kind k = kind == "string" ? Kind::string : kind == "boolean" ? Kind::boolean
           : kind == "int" || kind == "long" ? Kind::integer : Kind::array;
    types.back()->fields.push_back({name, k, nullable != 0});
  }
  for (auto &t : types) {
    by_name[t->name] = t.get();
    for (size_t i = 0; i < t->fields.size(); i++) t->slot[t->fields[i].name] = int(i);
  }
}

static uint8_t *put_long(uint8_t *p, int64_t v) {
  uint64_t z = (uint64_t(v) << 1) ^ uint64_t(v >> 63);
  for (; z >= 128; z >>= 7) *p++ = uint8_t(z | 128);
  *p++ = uint8_t(z);
  return p;
}

static uint8_t *put_string(uint8_t *p, string_view s) {
  p = put_long(p, int64_t(s.size()));
  memcpy(p, s.data(), s.size());
  return p + s.size();
}

static void close_block(Type &t) {
  if (!t.used) return;
  size_t n = t.used;
  raw_bytes += n;
  if (packed.size() < 2 * n + 4096) packed.resize(2 * n + 4096);
  if (codec == "deflate1") n = libdeflate_deflate_compress(deflater, t.block.data(), n, packed.data(), packed.size());
  else if (codec == "zstd1") n = ZSTD_compressCCtx(zstd, packed.data(), packed.size(), t.block.data(), n, 1);
  else if (codec == "snappy") { snappy::RawCompress((const char *)t.block.data(), n, packed.data(), &n); n += 4; }
  else memcpy(packed.data(), t.block.data(), n);
  out_bytes += n + 32;
  t.used = 0;
}

static void encode(simdjson::dom::object record) {
  static Value values[128];
  Type *t = nullptr;
  for (auto pair : record) {
    if (!t) {  // event_type comes first in the generated events
      auto found = by_name.find(pair.value.get_string());
      if (found == by_name.end()) return;
      t = found->second;
      for (size_t i = 0; i < t->fields.size(); i++) values[i].set = false;
      continue;
    }
    auto found = t->slot.find(pair.key);
    if (found != t->slot.end() && !pair.value.is_null()) values[found->second] = {true, pair.value};
  }
  if (t->block.size() < t->used + (1 << 20)) t->block.resize(t->used + (2 << 20));
  uint8_t *p = t->block.data() + t->used;
  for (size_t i = 0; i < t->fields.size(); i++) {
    const Field &f = t->fields[i];
    if (f.nullable) *p++ = values[i].set ? 2 : 0;
    if (!values[i].set) { if (!f.nullable) return; continue; }
    switch (f.kind) {
      case Kind::string: p = put_string(p, values[i].e.get_string()); break;
      case Kind::integer: p = put_long(p, values[i].e.get_int64()); break;
      case Kind::boolean: *p++ = bool(values[i].e.get_bool()); break;
      case Kind::array: *p++ = 0; break;
    }
  }
  t->used = size_t(p - t->block.data());
  if (t->used >= block_bytes) close_block(*t);
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: reference CODEC EVENTS SCHEMAS [runs] [block]\n"), 2;
  codec = argv[1];
  load_types(argv[3]);
  int runs = argc > 4 ? atoi(argv[4]) : 5;
  if (argc > 5) block_bytes = size_t(atol(argv[5]));
  deflater = libdeflate_alloc_compressor(1);
  zstd = ZSTD_createCCtx();
  auto input = simdjson::padded_string::load(argv[2]).value();
  size_t events = size_t(std::count(input.data(), input.data() + input.size(), '\n'));
  std::vector<double> took;
  for (int run = 0; run < runs; run++) {
    out_bytes = raw_bytes = 0;
    double start = seconds();
    simdjson::dom::parser parser;
#ifdef SIMDJSON_THREADS_ENABLED
    parser.threaded = false;
#endif
    simdjson::dom::document_stream stream;
    if (parser.parse_many(input, 1 << 20).get(stream)) return 1;
    size_t keys = 0;
    for (auto doc : stream) {
      simdjson::dom::object record = doc.get_object();
      if (codec == "parse") for (auto pair : record) keys += pair.key.size();
      else encode(record);
    }
    if (codec != "parse") for (auto &t : types) close_block(*t);
    took.push_back(seconds() - start);
    if (keys == 1) puts("");
  }
  std::sort(took.begin(), took.end());
  double median = took[took.size() / 2];
  printf("reference %-8s events/s %.0f (min %.0f max %.0f)  input MB/s %.0f  datum bytes %zu  output bytes %zu\n",
         codec.c_str(), events / median, events / took.back(), events / took.front(), input.size() / median / 1e6,
         raw_bytes, out_bytes);
}
