/* extism-pdk.h: what a plugin in C needs of Extism, under the names of Extism's C PDK, for
 * those who do not have that at hand. A source that is written against this header is built
 * with Extism's own without a change.
 *
 * Define EXTISM_IMPLEMENTATION before including it in one source file. Nothing of a C library
 * is used. Build with
 *
 *   clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -I <this folder> -o plugin.wasm plugin.c
 */
#ifndef extism_pdk_h
#define extism_pdk_h

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The offset of a block of Extism's memory, which a plugin reaches by functions only. 0 is none. */
typedef uint64_t ExtismHandle;

#define EXTISM_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXTISM_IMPORT_ENV(name) EXTISM_IMPORT("extism:host/env", name)
#define EXTISM_IMPORT_USER(name) EXTISM_IMPORT("extism:host/user", name)

/* int32_t EXTISM_EXPORTED_FUNCTION(name) { ... } begins a function that the host calls. */
#define EXTISM_EXPORT_AS(name) __attribute__((export_name(name)))
#define EXTISM_EXPORTED_FUNCTION(name) EXTISM_EXPORT_AS(#name) name(void)

/* Blocks. */
EXTISM_IMPORT_ENV("alloc") extern ExtismHandle extism_alloc(uint64_t size);
EXTISM_IMPORT_ENV("free") extern void extism_free(ExtismHandle);
EXTISM_IMPORT_ENV("length_unsafe") extern uint64_t extism_length(ExtismHandle);

/* The input of the present call. */
EXTISM_IMPORT_ENV("input_offset") extern ExtismHandle extism_input_offset(void);
EXTISM_IMPORT_ENV("input_length") extern uint64_t extism_input_length(void);

/* Configuration, variables, errors, log lines: each takes blocks. */
EXTISM_IMPORT_ENV("config_get") extern ExtismHandle extism_config_get(ExtismHandle name);
EXTISM_IMPORT_ENV("var_get") extern ExtismHandle extism_var_get(ExtismHandle name);
EXTISM_IMPORT_ENV("var_set") extern void extism_var_set(ExtismHandle name, ExtismHandle value);
EXTISM_IMPORT_ENV("error_set") extern void extism_error_set(ExtismHandle text);
EXTISM_IMPORT_ENV("log_debug") extern void extism_log_debug(ExtismHandle text);
EXTISM_IMPORT_ENV("log_info") extern void extism_log_info(ExtismHandle text);
EXTISM_IMPORT_ENV("log_warn") extern void extism_log_warn(ExtismHandle text);
EXTISM_IMPORT_ENV("log_error") extern void extism_log_error(ExtismHandle text);

typedef enum { ExtismLogInfo, ExtismLogDebug, ExtismLogWarn, ExtismLogError } ExtismLog;

/* Copies n bytes of a block or of the input. False if it does not have them. */
bool extism_load_from_handle(ExtismHandle from, uint64_t offset, void *to, size_t n);
bool extism_load_input(uint64_t offset, void *to, size_t n);

/* Copies n bytes into a block. False if it has no room for them there. */
bool extism_store_to_handle(ExtismHandle to, uint64_t offset, const void *from, size_t n);

/* Makes a block of bytes, or of a text that ends with a zero. 0 if no memory is left. */
ExtismHandle extism_alloc_buf(const void *from, size_t n);
ExtismHandle extism_alloc_buf_from_sz(const char *text);

/* Sets the output, or the error, of the call. */
void extism_output_handle(ExtismHandle);
void extism_output_buf(const void *from, size_t n);
void extism_output_buf_from_sz(const char *text);
void extism_error_set_buf(const char *text, size_t n);
void extism_error_set_buf_from_sz(const char *text);

/* Looks up a value by a name that ends with a zero. 0 if there is none. */
ExtismHandle extism_config_get_buf_from_sz(const char *name);
ExtismHandle extism_var_get_buf_from_sz(const char *name);
void extism_var_set_buf_from_sz(const char *name, ExtismHandle value);

/* Logs. */
void extism_log(const char *text, size_t n, ExtismLog level);
void extism_log_sz(const char *text, ExtismLog level);

#endif

#if defined(EXTISM_IMPLEMENTATION) && !defined(extism_pdk_c)
#define extism_pdk_c

EXTISM_IMPORT_ENV("load_u8") extern uint8_t extism_pdk_load8(uint64_t);
EXTISM_IMPORT_ENV("load_u64") extern uint64_t extism_pdk_load64(uint64_t);
EXTISM_IMPORT_ENV("store_u8") extern void extism_pdk_store8(uint64_t, uint8_t);
EXTISM_IMPORT_ENV("store_u64") extern void extism_pdk_store64(uint64_t, uint64_t);
EXTISM_IMPORT_ENV("output_set") extern void extism_pdk_output(uint64_t offset, uint64_t n);

/* A word at any address. */
typedef struct __attribute__((packed)) {
  uint64_t word;
} extism_pdk_word;

static size_t extism_pdk_strlen(const char *text) {
  const char *end = text;
  while (*end) {
    end++;
  }
  return (size_t)(end - text);
}

static bool extism_pdk_within(ExtismHandle block, uint64_t offset, size_t n) {
  const uint64_t length = extism_length(block);
  return offset <= length && n <= length - offset;
}

bool extism_load_from_handle(ExtismHandle from, uint64_t offset, void *to, size_t n) {
  if (!extism_pdk_within(from, offset, n)) {
    return false;
  }
  uint8_t *out = to;
  size_t k = 0;
  for (; n - k >= 8; k += 8) {
    ((extism_pdk_word *)(out + k))->word = extism_pdk_load64(from + offset + k);
  }
  for (; k < n; k++) {
    out[k] = extism_pdk_load8(from + offset + k);
  }
  return true;
}

bool extism_load_input(uint64_t offset, void *to, size_t n) {
  return extism_load_from_handle(extism_input_offset(), offset, to, n);
}

bool extism_store_to_handle(ExtismHandle to, uint64_t offset, const void *from, size_t n) {
  if (!extism_pdk_within(to, offset, n)) {
    return false;
  }
  const uint8_t *in = from;
  size_t k = 0;
  for (; n - k >= 8; k += 8) {
    extism_pdk_store64(to + offset + k, ((const extism_pdk_word *)(in + k))->word);
  }
  for (; k < n; k++) {
    extism_pdk_store8(to + offset + k, in[k]);
  }
  return true;
}

ExtismHandle extism_alloc_buf(const void *from, size_t n) {
  const ExtismHandle block = extism_alloc(n);
  if (block != 0) {
    extism_store_to_handle(block, 0, from, n);
  }
  return block;
}

ExtismHandle extism_alloc_buf_from_sz(const char *text) { return extism_alloc_buf(text, extism_pdk_strlen(text)); }

void extism_output_handle(ExtismHandle block) { extism_pdk_output(block, extism_length(block)); }

void extism_output_buf(const void *from, size_t n) { extism_output_handle(extism_alloc_buf(from, n)); }

void extism_output_buf_from_sz(const char *text) { extism_output_buf(text, extism_pdk_strlen(text)); }

void extism_error_set_buf(const char *text, size_t n) { extism_error_set(extism_alloc_buf(text, n)); }

void extism_error_set_buf_from_sz(const char *text) { extism_error_set_buf(text, extism_pdk_strlen(text)); }

ExtismHandle extism_config_get_buf_from_sz(const char *name) {
  const ExtismHandle key = extism_alloc_buf_from_sz(name);
  const ExtismHandle value = extism_config_get(key);
  extism_free(key);
  return value;
}

ExtismHandle extism_var_get_buf_from_sz(const char *name) { return extism_var_get(extism_alloc_buf_from_sz(name)); }

void extism_var_set_buf_from_sz(const char *name, ExtismHandle value) {
  extism_var_set(extism_alloc_buf_from_sz(name), value);
}

void extism_log(const char *text, size_t n, ExtismLog level) {
  const ExtismHandle block = extism_alloc_buf(text, n);
  switch (level) {
  case ExtismLogDebug:
    extism_log_debug(block);
    break;
  case ExtismLogWarn:
    extism_log_warn(block);
    break;
  case ExtismLogError:
    extism_log_error(block);
    break;
  default:
    extism_log_info(block);
  }
  extism_free(block);
}

void extism_log_sz(const char *text, ExtismLog level) { extism_log(text, extism_pdk_strlen(text), level); }

#endif
