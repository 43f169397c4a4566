package malloc4j;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.os.Errno;
import org.jspecify.annotations.Nullable;

/// The C family over one heap, as the hooks of a C library want it: a request that fails returns 0 and sets [#errno].
///
/// ```
///   cannot be had       0, errno ENOMEM                 malloc calloc realloc reallocarray alignedAlloc
///   cannot be asked     0, errno EINVAL                 an alignment that is no power of two
///   misuse              MisusePolicy: throws, counts, or fails with EINVAL
///   an error inside     0, errno ENOMEM                 but with MisusePolicy.THROW it is thrown
/// ```
///
/// **With [MisusePolicy#COUNT] and [MisusePolicy#FAIL] no call throws anything**, whatever happens inside: a full Java
/// heap, a deep stack, a hook of the heap that throws, a file that was cut short. An exception that leaves an upcall
/// ends the JVM. So each has the catch in itself, and one more where not even the stack to set `errno` is left: such a
/// call fails and `errno` is as it was.
///
/// Sizes are C's `size_t` in a `long`: a negative one is a size beyond any memory. Addresses are checked as a [Heap]
/// checks them. Every method may be called from any thread.
///
/// @source [malloc(3)](https://man7.org/linux/man-pages/man3/malloc.3.html), C23 7.24.3
/// @since 0.1.0
public final class CFamily {
    private static final int POINTER_BYTES = 8;

    private static volatile @Nullable ThreadLocal<int[]> errno; // not by a class initialiser, which a stack may end

    private final Heap heap;
    private final BlockCalls calls;
    private final HeapErrors errors;
    private final MisusePolicy policy;
    private final boolean throwing;
    private final AtomicLong misuses = new AtomicLong();

    CFamily(Heap heap, BlockCalls calls, HeapErrors errors, MisusePolicy policy) {
        this.heap = heap;
        this.calls = calls;
        this.errors = errors;
        this.policy = policy;
        this.throwing = policy == MisusePolicy.THROW;
    }

    /// What it does with an address at which no live block begins.
    public MisusePolicy misusePolicy() {
        return policy;
    }

    /// How many calls of this object had an address at which no live block of the heap began; of any thread.
    public long misuseCount() {
        return misuses.get();
    }

    /// The error number that the last failed call of this thread set, of any C family; 0 when none failed.
    public static int errno() {
        return errnoOfThread()[0];
    }

    /// Allocates `byteSize` bytes. Returns the address, a multiple of 16, or 0 with `ENOMEM`. Zero bytes give an
    /// address of their own.
    public long malloc(long byteSize) {
        try {
            long address = heap.takeAtHand(byteSize);
            return address >= 0 ? address : mallocSlow(byteSize);
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    /// As [#malloc], for what [CacheTable#allocateBlock] has not at hand.
    long mallocSlow(long byteSize) {
        try {
            return orFail(calls.mallocSlow(byteSize));
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    /// Allocates `count * byteSize` bytes, all zero. Returns the address, or 0 with `ENOMEM`, also when the product
    /// overflows. Where one of the numbers is 0 the product is 0, whatever the other.
    public long calloc(long count, long byteSize) {
        try {
            return fits(count, byteSize) ? orFail(calls.calloc(1, count * byteSize)) : fail(Errno.ENOMEM);
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    /// Whether a product of two `size_t` can be the size of a block.
    private static boolean fits(long count, long byteSize) {
        return Math.unsignedMultiplyHigh(count, byteSize) == 0 && count * byteSize >= 0;
    }

    /// Changes a block's size, keeping its contents; address 0 is [#malloc]. Returns the block's address now, or 0
    /// with `ENOMEM`, and then the block is as it was. Size 0 frees the block and returns 0, as the GNU C library
    /// does.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`, with [MisusePolicy#THROW]
    public long realloc(long address, long byteSize) {
        try {
            return resize(address, byteSize);
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    private long resize(long address, long byteSize) {
        if (byteSize == 0 && address != 0) {
            freeSlow(address);
            return 0;
        }
        long moved = calls.realloc(address, byteSize);
        return moved == 0 ? misused("realloc", address) : orFail(moved);
    }

    /// As [#realloc], to `count * byteSize` bytes; 0 with `ENOMEM` also when the product overflows.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`, with [MisusePolicy#THROW]
    /// @source POSIX.1-2024 `reallocarray`
    public long reallocarray(long address, long count, long byteSize) {
        try {
            return fits(count, byteSize) ? resize(address, count * byteSize) : fail(Errno.ENOMEM);
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    /// Frees a block; 0 does nothing. Leaves `errno` as it is, unless the kernel does not take a mapping back: then the
    /// block lives on.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`, with [MisusePolicy#THROW]
    public void free(long address) {
        try {
            if (!heap.putAtHand(address)) {
                freeSlow(address);
            }
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return; // what there is to tell is that nothing was freed
            }
        }
    }

    /// As [#free], for a block that [CacheTable#freeBlock] has refused; may throw.
    void freeSlow(long address) {
        if (address == 0) {
            return;
        }
        long result = calls.freeSlow(address);
        if (result == 0) {
            misused("free", address);
        } else if (Errno.isError(result)) {
            if (throwing) {
                throw errors.notFreed(address, result);
            }
            fail((int) -result);
        }
    }

    /// Allocates `byteSize` bytes at a multiple of `byteAlignment`. Returns the address, or 0 with `EINVAL` when
    /// the alignment is not a power of two, or with `ENOMEM`.
    public long alignedAlloc(long byteAlignment, long byteSize) {
        try {
            return isPowerOfTwo(byteAlignment)
                    ? orFail(calls.alignedAlloc(byteAlignment, byteSize))
                    : fail(Errno.EINVAL);
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    /// Of a `size_t`: 2^63, which is a negative `long`, is one.
    private static boolean isPowerOfTwo(long value) {
        return Long.bitCount(value) == 1;
    }

    /// Allocates `byteSize` bytes at a multiple of `byteAlignment` and stores the address in `out`. Returns 0;
    /// `EINVAL` when the alignment is not a power of two that is a multiple of 8; or `ENOMEM`. In both cases `out` is
    /// as it was. Does not set [#errno].
    ///
    /// @param out at least 8 bytes
    /// @return 0, or the error number; `EFAULT` where `out` cannot be written, unless the policy is
    ///     [MisusePolicy#THROW]
    /// @throws RuntimeException with [MisusePolicy#THROW], what [MemorySegment#set] throws when `out` is shorter,
    ///     read-only, closed, or confined to another thread; nothing is allocated then
    /// @source POSIX.1-2024 `posix_memalign`
    public int posixMemalign(MemorySegment out, long byteAlignment, long byteSize) {
        if (!isPowerOfTwo(byteAlignment) || byteAlignment % POINTER_BYTES != 0) {
            return Errno.EINVAL;
        }
        long address = 0;
        int refused = Errno.ENOMEM;
        try {
            address = calls.alignedAlloc(byteAlignment, byteSize);
            if (address <= 0) {
                return Errno.ENOMEM;
            }
            refused = Errno.EFAULT;
            out.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, address);
            if (out.isMapped() || FaultingRanges.overlap(out.address(), POINTER_BYTES)) {
                FaultingRanges.await();
            }
            return 0;
        } catch (Throwable inside) {
            try {
                free(address);
            } catch (Throwable noRoom) {
                inside.addSuppressed(noRoom);
            }
            if (throwing) {
                throw inside;
            }
            return refused;
        }
    }

    /// How many bytes of a block may be used; 0 for address 0.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`, with [MisusePolicy#THROW]
    /// @source [malloc_usable_size(3)](https://man7.org/linux/man-pages/man3/malloc_usable_size.3.html)
    public long usableSize(long address) {
        if (address == 0) {
            return 0;
        }
        try {
            long byteSize = calls.usableSize(address);
            return byteSize > 0 ? byteSize : misused("usableSize", address);
        } catch (Throwable inside) {
            if (throwing) {
                throw inside;
            }
            try {
                return fail(Errno.ENOMEM);
            } catch (Throwable noRoom) {
                return 0;
            }
        }
    }

    /// What a call returns for an address at which no live block begins.
    private long misused(String call, long address) {
        misuses.incrementAndGet();
        if (throwing) {
            throw errors.misuse(call, address);
        }
        errors.tellMisuse(call, address);
        return policy == MisusePolicy.COUNT ? 0 : fail(Errno.EINVAL);
    }

    private static long orFail(long result) {
        return result > 0 ? result : fail(Errno.ENOMEM);
    }

    private static long fail(int number) {
        errnoOfThread()[0] = number;
        return 0;
    }

    @Override
    public String toString() {
        return "CFamily[" + heap + ", " + policy + "]";
    }

    private static int[] errnoOfThread() {
        ThreadLocal<int[]> known = errno;
        return (known != null ? known : makeErrno()).get();
    }

    private static synchronized ThreadLocal<int[]> makeErrno() {
        ThreadLocal<int[]> known = errno;
        if (known == null) {
            known = ThreadLocal.withInitial(() -> new int[1]);
            errno = known;
        }
        return known;
    }
}
