// Vectors of the numbers `real`, as GCC and Clang have them: element by element, of the length that the CPU's registers
// have. LANES numbers; the smallest step of all loops. ROWS x COLS vectors of sums stay in registers (see multiply.h).
#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_BYTES 64
#define PERMUTES  // of the numbers of two vectors, and loads and stores of some
#define ROWS 8
#define COLS 3
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define ROWS 4
#define COLS 3
#else
#define VECTOR_BYTES 16
#define ROWS 4
#define COLS 4
#endif
// UNROLL: before a loop whose ends are known: what it fills stays in registers.
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define LINE 64  // bytes of a cache line: where arrays in scratch memory begin
#define INLINE static inline __attribute__((always_inline))
#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
#define FN(name) CAT(name, real)
