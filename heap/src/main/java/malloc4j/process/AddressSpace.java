package malloc4j.process;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.proc.BrokenCoreException;
import malloc4j.internal.proc.CoreLayout;
import malloc4j.internal.proc.LayoutReader;
import malloc4j.internal.proc.ProcessLayout;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import malloc4j.observe.OwnedRange;

/// The layout of a process's memory at one moment: every mapping, whose it is, what it holds, and the gaps between.
///
/// ```
///   ffffffffff600000   vsyscall
///                      : addresses that no program can have
///   stack top          stack of the first thread, grows down
///                      : gap, random
///   mmap top           mmap zone, grows down: libraries, stacks of other threads, C arenas,
///                      the JVM's code cache and metaspace, our zone and its records
///                      : gap
///   break              what the program break has given, grows up
///   break start        : gap, random
///   program            bss, data, constants, text
///                      : gap
///   low addresses      Java heap (while it fits below 32 GiB), class space, CDS archive
///   0                  never mapped
/// ```
///
/// Each mapping is one [Area], or several where more than one owner has a part of it: our zone is cut into slabs,
/// blocks and free pages of each heap, and a mapping that the kernel has merged is cut where the owner changes.
/// Every byte of every mapping is in exactly one area; what the areas of a mapping hold adds up to what the kernel
/// says of the mapping, figure by figure. [#verify] checks this.
///
/// **Whose it is** is told, in this order, by: our own records, in this process and in others; the tables that HotSpot
/// exports for debuggers, of this JVM and of others from JDK 17 on; the threads' stack pointers; the headers of
/// programs and libraries; glibc's headers in front of its own memory; and the kernel's names. Nothing is guessed from
/// sizes: what nobody tells is [AreaKind#ANONYMOUS], and [#notes] say what could not be asked. HotSpot does not tell
/// where most of its collectors' tables are, so in a JVM some tens of MiB stay anonymous.
///
/// The kernel lets the process run while it is read: mappings may come, go and change meanwhile. Each is told as it
/// was when its turn came.
///
/// Another process can be read by the same user (`PTRACE_MODE_READ`); its stacks and its JVM only where this
/// process may also trace it (`PTRACE_MODE_ATTACH`, see `yama.ptrace_scope`). Needs no native access.
///
/// ```java
/// import malloc4j.process.AddressSpace;
/// import malloc4j.observe.AreaKind;
///
/// void main() {
///     AddressSpace space = AddressSpace.ofThisProcess();
///     space.verify();
///     long javaHeapBytes = space.sum(AreaKind.JAVA_HEAP).use().residentBytes();
///     if (javaHeapBytes == 0 || javaHeapBytes > space.total().residentBytes()) {
///         throw new AssertionError(space.areas());
///     }
///     IO.println(space); // `malloc4j layout` draws it
/// }
/// ```
///
/// Cost: some 20 microseconds a mapping, most of it the kernel's, and for a JVM what it takes to follow its
/// classes: in a program that does nothing else half a second at the first call, some tens of milliseconds later.
///
/// @source [proc_pid_smaps(5)](https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html)
/// @since 0.1.0
public final class AddressSpace {
    private final ProcessLayout layout;
    private final List<Gap> gaps;
    private final Bases bases;
    private final MemoryUse total;

    /// Addresses between two mappings, which nothing has.
    ///
    /// @param address of the first byte; unsigned
    /// @param byteSize unsigned too: below the highest mapping of x86-64 it passes 2^63
    public record Gap(long address, long byteSize) {
        /// Its addresses in hexadecimal, and its size.
        @Override
        public String toString() {
            return "Gap[0x" + Long.toHexString(address) + "-0x" + Long.toHexString(address + byteSize) + " "
                    + Sizes.unsignedText(byteSize) + "]";
        }
    }

    /// What some areas come to.
    ///
    /// @param areaCount how many they are
    /// @param byteSize their addresses
    /// @param use what they hold
    public record Sum(int areaCount, long byteSize, MemoryUse use) {
        static final Sum NONE = new Sum(0, 0, MemoryUse.NONE);

        Sum plus(Area area) {
            return new Sum(areaCount + 1, byteSize + area.byteSize(), use.plus(area.use()));
        }

        @Override
        public String toString() {
            return "Sum[areaCount=" + areaCount + ", byteSize=" + Sizes.text(byteSize) + ", use=" + use + "]";
        }
    }

    /// The addresses that the kernel chooses at random when a program starts, unless
    /// `/proc/sys/kernel/randomize_va_space` or `setarch -R` says otherwise. Each is empty where it cannot be
    /// known.
    ///
    /// @param program the first mapping of the program's file
    /// @param breakStart where the program break began
    /// @param breakEnd where the memory it has given ends
    /// @param mmapTop where the highest mapping of the mmap zone ends, right below the address it grows down from
    /// @param interpreter the first byte of the dynamic linker
    /// @param vdso the first byte of the code that the kernel maps into every process
    /// @param stackTop where the first thread's stack ends; arguments and environment lie below
    public record Bases(
            OptionalLong program,
            OptionalLong breakStart,
            OptionalLong breakEnd,
            OptionalLong mmapTop,
            OptionalLong interpreter,
            OptionalLong vdso,
            OptionalLong stackTop) {
        /// The addresses in hexadecimal, `-` for those that are not known.
        @Override
        public String toString() {
            return "Bases[program=" + hex(program) + ", breakStart=" + hex(breakStart) + ", breakEnd=" + hex(breakEnd)
                    + ", mmapTop=" + hex(mmapTop) + ", interpreter=" + hex(interpreter) + ", vdso=" + hex(vdso)
                    + ", stackTop=" + hex(stackTop) + "]";
        }

        private static String hex(OptionalLong address) {
            return address.isPresent() ? "0x" + Long.toHexString(address.getAsLong()) : "-";
        }
    }

    private AddressSpace(ProcessLayout layout) {
        this.layout = layout;
        this.total = sum(layout.mappings());
        this.gaps = gaps(layout.mappings());
        this.bases = bases(layout);
    }

    /// The layout of the process this runs in.
    ///
    /// @throws UnreadableProcessException if there is no `/proc`, or it may not be read
    public static AddressSpace ofThisProcess() {
        return read(SystemFiles.LIVE, "/proc/self", true, List.of());
    }

    /// The layout of a process. Of a kernel thread, and of a process that has ended and not been waited for, it is
    /// empty.
    ///
    /// @param pid its number, 1 or more
    /// @throws IllegalArgumentException if `pid` is below 1
    /// @throws UnreadableProcessException if there is no such process (`ENOENT`), it ended while it was read
    ///     (`ESRCH`), or this one may not read it (`EACCES`)
    public static AddressSpace of(long pid) {
        return of(pid, List.of());
    }

    /// The same, with what the process itself has told of some ranges: there it is believed, and nothing else is asked.
    ///
    /// @param pid its number, 1 or more
    /// @param told of what is not mapped any more counts for nothing
    /// @throws IllegalArgumentException if `pid` is below 1
    /// @throws UnreadableProcessException as [#of(long)] does
    public static AddressSpace of(long pid, List<OwnedRange> told) {
        if (pid < 1) {
            throw new IllegalArgumentException("pid " + pid + ": must be 1 or more");
        }
        return read(
                SystemFiles.LIVE, "/proc/" + pid, pid == ProcessHandle.current().pid(), told);
    }

    /// The layout of a process that has died, from its core file. Nobody tells what was resident: every use is nothing.
    ///
    /// @throws UnreadableCoreException if it is no core, or one that cannot be understood
    /// @throws IOException if it cannot be read
    public static AddressSpace ofCore(Path core) throws IOException {
        try {
            return new AddressSpace(CoreLayout.read(core));
        } catch (BrokenCoreException broken) {
            throw new UnreadableCoreException(String.valueOf(broken.getMessage()));
        }
    }

    static AddressSpace read(SystemFiles files, String directory, boolean isThisProcess) {
        return read(files, directory, isThisProcess, List.of());
    }

    private static AddressSpace read(
            SystemFiles files, String directory, boolean isThisProcess, List<OwnedRange> told) {
        try {
            return new AddressSpace(LayoutReader.read(files, directory, isThisProcess, told));
        } catch (IOException failure) {
            throw UnreadableProcessException.of(files, directory, "smaps", failure);
        }
    }

    private static MemoryUse sum(List<MappedRange> mappings) {
        long[] sum = new long[Figure.count()];
        for (MappedRange mapping : mappings) {
            long[] figures = mapping.use().toArray();
            for (int index = 0; index < sum.length; index++) {
                sum[index] += figures[index];
            }
        }
        return MemoryUse.of(sum);
    }

    private static List<Gap> gaps(List<MappedRange> mappings) {
        List<Gap> gaps = new ArrayList<>();
        for (int index = 1; index < mappings.size(); index++) {
            long end = mappings.get(index - 1).end();
            long next = mappings.get(index).address();
            if (next != end) {
                gaps.add(new Gap(end, next - end));
            }
        }
        return List.copyOf(gaps);
    }

    private static Bases bases(ProcessLayout layout) {
        OptionalLong stackTop = OptionalLong.empty();
        OptionalLong stackStart = OptionalLong.empty();
        OptionalLong breakEnd = OptionalLong.empty();
        OptionalLong vdso = OptionalLong.empty();
        OptionalLong first = OptionalLong.empty();
        OptionalLong mmapTop = OptionalLong.empty();
        for (MappedRange mapping : layout.mappings()) {
            switch (mapping.name()) {
                case "[stack]" -> {
                    stackStart = OptionalLong.of(mapping.address());
                    stackTop = OptionalLong.of(mapping.end());
                }
                case "[heap]" -> breakEnd = OptionalLong.of(mapping.end());
                case "[vdso]" -> vdso = OptionalLong.of(mapping.address());
                default -> {}
            }
        }
        for (Area area : layout.areas()) {
            if (first.isEmpty()
                    && area.kind().group() == AreaKind.Group.PROGRAM
                    && area.mapping().isFile()) {
                first = OptionalLong.of(area.address());
            }
        }
        for (MappedRange mapping : layout.mappings()) {
            if (stackStart.isPresent() && Long.compareUnsigned(mapping.end(), stackStart.getAsLong()) <= 0) {
                mmapTop = OptionalLong.of(mapping.end());
            }
        }
        return new Bases(
                first, known(layout.startBreak()), breakEnd, mmapTop, known(layout.interpreter()), vdso, stackTop);
    }

    private static OptionalLong known(long address) {
        return address == 0 ? OptionalLong.empty() : OptionalLong.of(address);
    }

    /// The number of the process.
    public long pid() {
        return layout.pid();
    }

    /// The name of the process, up to 15 letters.
    public String name() {
        return layout.name();
    }

    /// The path of its program, empty where that may not be read.
    public String program() {
        return layout.program();
    }

    /// The kernel's page in bytes.
    public long pageBytes() {
        return layout.pageBytes();
    }

    /// Every mapping, in address order.
    public List<MappedRange> mappings() {
        return layout.mappings();
    }

    /// Every area, in address order. They cover the mappings, each byte once.
    public List<Area> areas() {
        return layout.areas();
    }

    /// The gaps between mappings, in address order.
    public List<Gap> gaps() {
        return gaps;
    }

    public Bases bases() {
        return bases;
    }

    /// The area that `address` lies in, none if it is not mapped.
    public Optional<Area> at(long address) {
        List<Area> areas = layout.areas();
        int low = 0;
        int high = areas.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            Area area = areas.get(middle);
            if (Long.compareUnsigned(address, area.address()) < 0) {
                high = middle - 1;
            } else if (Long.compareUnsigned(address - area.address(), area.byteSize()) >= 0) {
                low = middle + 1;
            } else {
                return Optional.of(area);
            }
        }
        return Optional.empty();
    }

    /// What all mappings hold.
    public MemoryUse total() {
        return total;
    }

    /// The kernel's own sum of what all mappings hold (`smaps_rollup`), asked right before the mappings; empty
    /// before Linux 4.14. It differs from [#total] by what the process did in between, and in the proportional
    /// figures by their rounding, less than 1 KiB a mapping.
    public Optional<MemoryUse> rollup() {
        return Optional.ofNullable(layout.rollup());
    }

    /// What the areas of one kind come to; nothing where there are none.
    public Sum sum(AreaKind kind) {
        return sums().getOrDefault(kind, Sum.NONE);
    }

    /// What the areas of each kind come to, of the kinds that there are.
    public Map<AreaKind, Sum> sums() {
        Map<AreaKind, Sum> sums = new EnumMap<>(AreaKind.class);
        for (Area area : layout.areas()) {
            sums.merge(area.kind(), Sum.NONE.plus(area), (sum, one) -> sum.plus(area));
        }
        return sums;
    }

    /// What the areas of one kind come to for each owner, in the order of their names.
    public Map<String, Sum> sums(AreaKind kind) {
        Map<String, Sum> sums = new TreeMap<>();
        for (Area area : layout.areas()) {
            if (area.kind() == kind) {
                sums.merge(area.owner(), Sum.NONE.plus(area), (sum, one) -> sum.plus(area));
            }
        }
        return sums;
    }

    /// What could not be told, a sentence each; empty when everything was.
    public List<String> notes() {
        return layout.notes();
    }

    /// One line.
    @Override
    public String toString() {
        long bytes = sums().values().stream().mapToLong(Sum::byteSize).sum();
        return String.format(
                Locale.ROOT,
                "%s (pid %d): %,d mappings, %s of addresses, %s resident, %s proportional%s",
                printable(name()),
                pid(),
                mappings().size(),
                Sizes.text(bytes),
                Sizes.text(total.residentBytes()),
                Sizes.text(total.proportionalBytes()),
                total.swappedBytes() == 0 ? "" : ", " + Sizes.text(total.swappedBytes()) + " swapped");
    }

    /// A name as a terminal may show it: letters that would steer it are `?`.
    private static String printable(String name) {
        return name.replaceAll("[\\p{Cc}\\p{Cf}]", "?");
    }

    /// Checks that every byte of every mapping is in exactly one area, that the areas of each mapping hold what the
    /// mapping holds, figure by figure, and that the sums over kinds are the total.
    ///
    /// @throws AssertionError naming the first that does not hold
    public void verify() {
        List<Area> areas = layout.areas();
        int next = 0;
        long end = 0;
        for (MappedRange mapping : layout.mappings()) {
            check(Long.compareUnsigned(mapping.address(), end) >= 0, "mappings overlap", mapping.address());
            long address = mapping.address();
            MemoryUse held = MemoryUse.NONE;
            while (address != mapping.end()) {
                check(next < areas.size() && areas.get(next).address() == address, "nobody has it", address);
                Area area = areas.get(next++);
                check(area.mapping().equals(mapping), "the area is of another mapping", address);
                check((area.byteSize() & (layout.pageBytes() - 1)) == 0, "the area is not whole pages", address);
                long left = mapping.end() - address;
                check(
                        area.byteSize() > 0 && Long.compareUnsigned(area.byteSize(), left) <= 0,
                        "it is too long",
                        address);
                address += area.byteSize();
                held = held.plus(area.use());
            }
            if (!held.equals(mapping.use())) {
                throw wrong("the areas hold " + held + " of " + mapping.use(), mapping.address());
            }
            end = mapping.end();
        }
        check(next == areas.size(), "an area is in no mapping", end);
        MemoryUse ofKinds = sums().values().stream().map(Sum::use).reduce(MemoryUse.NONE, MemoryUse::plus);
        if (!ofKinds.equals(total)) {
            throw wrong("the kinds hold " + ofKinds + " of " + total, 0);
        }
    }

    private static void check(boolean condition, String message, long address) {
        if (!condition) {
            throw wrong(message, address);
        }
    }

    private static AssertionError wrong(String message, long address) {
        return new AssertionError("address space at 0x" + Long.toHexString(address) + ": " + message);
    }
}
