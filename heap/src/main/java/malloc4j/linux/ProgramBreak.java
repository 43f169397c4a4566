package malloc4j.linux;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.proc.ProcessStat;
import malloc4j.internal.proc.Smaps;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.internal.region.BreakClaims;
import malloc4j.internal.region.Ground;
import malloc4j.observe.MappedRange;

/// The program break: the end of the memory that lies behind the program's own data, where heaps grew before
/// `mmap`.
///
/// ```
///   program |     | start          current                | next mapping
///           |     | brk heap       | room       | a page  |
///                   [heap] in maps   RLIMIT_DATA or RLIMIT_AS may end it sooner
/// ```
///
/// ```java
/// import java.lang.foreign.MemorySegment;
/// import malloc4j.linux.ProgramBreak;
///
/// void main() {
///     ProgramBreak.Layout layout = ProgramBreak.layout();
///     if (layout.roomBytes() > 100 << 20) {
///         MemorySegment memory = ProgramBreak.extend(1 << 20); // 1 MiB, for ever
///         memory.fill((byte) 1);
///         if (memory.address() < layout.current() || ProgramBreak.current() < memory.address() + memory.byteSize()) {
///             throw new AssertionError(layout + ", " + memory);
///         }
///     }
/// }
/// ```
///
/// **The break is not ours alone.** The C library's malloc moves it too, the JVM's own memory comes from there, and
/// there is no lock between them.
///
/// - A `brk` system call behind the C library's back leaves its idea of the break wrong: its next growth then
///   crashed the JVM. So all moves go through the C library's `sbrk`.
/// - That function reads the break, moves it and notes it, without a lock. When another thread's malloc does so at
///   the same moment, both may be given the same addresses, and the later, smaller step takes away what the larger
///   was given. Its steps of 64 KiB, beside a thread whose mallocs grow the break, ended the JVM in 5 of 5 runs,
///   after 7,000 to 57,000 steps and 0.1 to 1 s, mostly by glibc's own check of its heap (2-core AMD EPYC VM, glibc
///   2.36, JDK 25.0.3, 2026-11-21).
/// - [#extend] steps by more than the C library does at once (unless `M_TOP_PAD` is set above 32 MiB), so it can be
///   cut off but cuts nobody off; it leaves the bottom of its step unused, a moat as wide as another's step may
///   reach; and it looks whether anybody has touched the rest. A heap with `MemorySource.BRK` does the same. What
///   is left is an instant inside glibc's own trimming, between lowering the break and reading it again: a step
///   that falls just there would pass for the top of its heap. In 640,000 steps beside two threads whose mallocs
///   grew and trimmed the break it did not (as above).
/// - Moving the break down takes memory away from whoever was given it meanwhile, and no check beforehand can rule
///   that out. So there is no way down here.
/// - Memory that the C library was given below a step is no longer trimmed by it.
///
/// Any thread may call. The steps made here and the claims of heaps exclude each other.
///
/// @source [sbrk(2)](https://man7.org/linux/man-pages/man2/sbrk.2.html); glibc `misc/sbrk.c`
/// @since 0.1.0
public final class ProgramBreak {
    private static final int MAX_TRIES = 8; // each that fails loses addresses
    private static final long STACK_GUARD_PAGES = 256; // the kernel's stack_guard_gap, kept below a main stack

    /// What ends the growth of the break first.
    public enum Bound {
        /// A mapping above the break, and the page that the kernel keeps free below it.
        NEXT_MAPPING,
        /// The limit on private writable memory.
        RLIMIT_DATA,
        /// The limit on address space.
        RLIMIT_AS
    }

    /// The break and what is around it, at one moment. Other threads move it.
    ///
    /// @param start where the brk heap begins; 0 if the kernel does not tell
    /// @param current the break: the first address that is not the heap's
    /// @param nextMapping the address of the first mapping above
    /// @param nextMappingName its name in `/proc/self/maps`, empty for none
    /// @param roomBytes by how much the break can grow, unless the kernel's commit limit is met before
    /// @param bound what ends it
    public record Layout(
            long start, long current, long nextMapping, String nextMappingName, long roomBytes, Bound bound) {
        /// The size of the brk heap in bytes.
        public long byteSize() {
            return current - start;
        }

        @Override
        public String toString() {
            return "break at 0x" + Long.toHexString(current) + ", heap from 0x" + Long.toHexString(start)
                    + ", room for "
                    + roomBytes + " bytes (" + Sizes.text(roomBytes) + ") until "
                    + (bound == Bound.NEXT_MAPPING
                            ? "the mapping " + (nextMappingName.isEmpty() ? "" : nextMappingName + " ") + "at 0x"
                                    + Long.toHexString(nextMapping)
                            : bound.toString());
        }
    }

    private ProgramBreak() {}

    /// The break: the address after the last byte of the brk heap. Not always a multiple of the page size.
    ///
    /// @throws SystemCallException if the C library does not tell
    public static long current() {
        return current(LinuxCalls.instance());
    }

    /// Where the break is, where its heap begins, and how far it can grow.
    ///
    /// Costs reading `/proc/self/stat`, `status` and `maps`.
    ///
    /// @throws UncheckedIOException if these cannot be read
    public static Layout layout() {
        return layout(LinuxCalls.instance());
    }

    /// Moves the break up and gives the new memory that is proven to be the caller's alone. It is zero, stays where
    /// it is, and lives as long as the process.
    ///
    /// Each call takes 64 MiB of addresses more than it gives, none of it memory: call seldom and ask for much. Where
    /// the Java heap is too full for the segment, the step's addresses are lost, and none of them is memory either.
    ///
    /// @param byteSize size in bytes, at least 1
    /// @return a segment for every thread, at a page's start
    /// @throws IllegalArgumentException if `byteSize` is less than 1
    /// @throws SystemCallException `ENOMEM` if there is no room, or the C library refuses, as musl does; `EAGAIN`
    ///     if another thread has moved the break at the same time, as often as this call has tried
    public static MemorySegment extend(long byteSize) {
        return extend(LinuxCalls.instance(), byteSize);
    }

    /// Moves the break up by so many bytes, as C's `sbrk` does, **with its dangers** (see above): only where no
    /// other thread can be in the C library's malloc, which a JVM cannot promise. Otherwise use [#extend].
    ///
    /// Afterwards it looks whether the memory was cut off or touched by another thread. That finds most overlaps,
    /// not all, and does not help the other thread.
    ///
    /// @param increment bytes, 0 or more; 0 only tells the break
    /// @return the break before: the address of the first new byte
    /// @throws IllegalArgumentException if `increment` is negative
    /// @throws SystemCallException `ENOMEM` if there is no room, or the C library refuses, as musl does; `EAGAIN`
    ///     if another thread has moved the break at the same time; the new memory is used by nobody then
    public static long sbrk(long increment) {
        return sbrk(LinuxCalls.instance(), increment);
    }

    static long current(SystemCalls calls) {
        long result = calls.sbrk(0);
        if (Errno.isError(result)) {
            throw new SystemCallException("sbrk(0)", result, "the C library has no program break");
        }
        return result;
    }

    static MemorySegment extend(SystemCalls calls, long byteSize) {
        if (byteSize < 1 || byteSize > Long.MAX_VALUE / 2) {
            throw new IllegalArgumentException("byteSize=" + byteSize + " bytes: must be from 1 to 2^62 - 1");
        }
        long address = -Errno.EAGAIN;
        for (int tries = 0; tries < MAX_TRIES && address == -Errno.EAGAIN; tries++) {
            address = Ground.process().claims().stepOverMoat(calls, byteSize);
        }
        if (Errno.isError(address)) {
            throw new SystemCallException(
                    "sbrk(increment=" + BreakClaims.MOAT_BYTES + "+" + byteSize + ")",
                    address,
                    advice(calls, address, BreakClaims.MOAT_BYTES + byteSize));
        }
        return RawMemory.segment(address, byteSize);
    }

    static long sbrk(SystemCalls calls, long increment) {
        if (increment < 0) {
            throw new IllegalArgumentException("increment=" + increment
                    + " bytes: must be 0 or more; the break is not moved down, because the C library may have given "
                    + "out what lies below it");
        }
        if (increment == 0) {
            return current(calls);
        }
        long before = Ground.process().claims().step(calls, increment);
        if (Errno.isError(before)) {
            throw new SystemCallException(
                    "sbrk(increment=" + increment + ")", before, advice(calls, before, increment));
        }
        return before;
    }

    private static String advice(SystemCalls calls, long result, long increment) {
        if (result == -Errno.EAGAIN) {
            return "another thread moved the break at the same time, or MemoryLock.lockAll(FUTURE) makes new pages "
                    + "resident, so that they cannot be told from another's: use mmap";
        }
        try {
            Layout layout = layout(calls);
            return layout + "; "
                    + (layout.roomBytes() < increment
                            ? "use mmap"
                            : "the commit limit (vm.overcommit_memory) is met, or the C library refuses: use mmap");
        } catch (SystemCallException | UncheckedIOException unknown) {
            return "use mmap";
        }
    }

    static Layout layout(SystemCalls calls) {
        long pageBytes = MemoryLock.pageBytes(calls);
        ProcessStatus status = ProcessStatus.read();
        Rlimit data = Rlimit.read(calls, Linux.RLIMIT_DATA, "RLIMIT_DATA");
        Rlimit addressSpace = Rlimit.read(calls, Linux.RLIMIT_AS, "RLIMIT_AS");
        ProcessStat program = program();
        long breakStart = program.field(ProcessStat.START_BREAK);
        // RLIMIT_DATA counts the program's initialised data besides the brk heap.
        long programDataBytes = program.field(ProcessStat.END_DATA) - program.field(ProcessStat.START_DATA);
        long current = current(calls);
        long pagesEnd = Bits.alignUp(current, pageBytes);
        Next next = Next.above(current);

        // The three comparisons of the kernel's brk(2), each as the highest break that passes.
        long highest = next.address - (next.name.equals("[stack]") ? STACK_GUARD_PAGES + 1 : 1) * pageBytes;
        Bound bound = Bound.NEXT_MAPPING;
        long byData = Math.min(
                grown(pagesEnd, data.soft(), status.dataBytes(), pageBytes),
                grown(breakStart, data.soft(), programDataBytes, 1));
        if (byData < highest) {
            highest = byData;
            bound = Bound.RLIMIT_DATA;
        }
        long byAddressSpace = grown(pagesEnd, addressSpace.soft(), status.virtualBytes(), pageBytes);
        if (byAddressSpace < highest) {
            highest = byAddressSpace;
            bound = Bound.RLIMIT_AS;
        }
        return new Layout(breakStart, current, next.address, next.name, Math.max(0, highest - current), bound);
    }

    private static ProcessStat program() {
        try {
            return ProcessStat.read(SystemFiles.LIVE, "/proc/thread-self");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /// `from` and what a limit leaves over, in whole units.
    private static long grown(long from, long limit, long used, long unit) {
        long left = Bits.alignDown(Math.max(0, limit - used), unit);
        return left > Long.MAX_VALUE - from ? Long.MAX_VALUE : from + left;
    }

    /// The first mapping above an address.
    private record Next(long address, String name) {
        static Next above(long address) {
            List<MappedRange> above = new ArrayList<>(1);
            try (InputStream maps = SystemFiles.LIVE.open("/proc/thread-self/maps")) {
                Smaps.Summary unused = Smaps.read(maps, mapping -> {
                    if (above.isEmpty() && Long.compareUnsigned(mapping.address(), address) >= 0) {
                        above.add(mapping);
                    }
                });
            } catch (IOException unreadable) {
                throw new UncheckedIOException(unreadable);
            }
            return above.isEmpty()
                    ? new Next(Long.MAX_VALUE, "")
                    : new Next(above.getFirst().address(), above.getFirst().name());
        }
    }
}
