package malloc4j.linux;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import malloc4j.faults.Limits;
import malloc4j.faults.Maps;
import malloc4j.faults.Patterns;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.sources.CMalloc;

/// What [ProgramBreakTest] runs, each scenario in a process of its own, because the break never goes back.
public final class ProgramBreakChild {
    private static final long MIB = 1L << 20;
    private static final int STEPS = 5_000; // 320 GiB of addresses; without the moat it dies or hangs
    private static final LinuxCalls OS = LinuxCalls.instance();
    private static final long PAGE = OS.sysconf(Linux._SC_PAGESIZE);

    private ProgramBreakChild() {}

    public static void main(String[] arguments) {
        ProgramBreak.sbrk(1); // everything has run once
        ProgramBreak.layout();
        switch (arguments[0]) {
            case "grows" -> grows();
            case "extends" -> extendsBesideLibc();
            case "mapping above" -> aMappingLiesAbove();
            case "RLIMIT_DATA" -> isLimited(Linux.RLIMIT_DATA, "VmData", ProgramBreak.Bound.RLIMIT_DATA);
            case "RLIMIT_AS" -> isLimited(Linux.RLIMIT_AS, "VmSize", ProgramBreak.Bound.RLIMIT_AS);
            case "cut off" -> theBreakIsCutOff();
            case "resident" -> somebodyHasTouchedTheMemory();
            case "all locked" -> allFutureMemoryIsLocked();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        System.out.println("done");
    }

    private static void grows() {
        for (long increment : new long[] {1, 15, 4_095, 4_096, 5_000, 4 * MIB, 3 * MIB + 7}) {
            long before = ProgramBreak.current();
            long address = ProgramBreak.sbrk(increment);
            check(address >= before, "the old break is returned");
            check(ProgramBreak.current() >= address + increment, "the break has moved");
            for (long offset = 0; offset < increment; offset += 1_000) {
                check(RawMemory.getByte(address + offset) == 0, "new memory is zero");
            }
            Patterns.fill(address, increment, increment);
            check(Maps.isInBreak(address) && Maps.isInBreak(address + increment - 1), "it is [heap] in maps");
        }
        ProgramBreak.Layout layout = ProgramBreak.layout();
        Maps.Mapping first = Maps.at(layout.start());
        check(first.name().equals("[heap]") && first.start() == layout.start(), "the heap begins at " + layout);
        Maps.Mapping last = Maps.at(layout.current() - 1);
        check(last.end() == (layout.current() + PAGE - 1 & -PAGE), "and ends at " + last);
        check(layout.byteSize() > 7 * MIB, layout.toString());
    }

    /// Proven memory while two threads' mallocs move the same break: nobody loses a byte.
    private static void extendsBesideLibc() {
        CMalloc.mallopt(CMalloc.M_MMAP_THRESHOLD, 32 << 20); // no block of theirs is a mapping
        CMalloc.mallopt(CMalloc.M_TOP_PAD, 0);
        AtomicBoolean goesOn = new AtomicBoolean(true);
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            List<Future<Long>> libc =
                    List.of(threads.submit(() -> growAndTrim(goesOn, 1)), threads.submit(() -> growAndTrim(goesOn, 2)));
            List<MemorySegment> extended = new ArrayList<>();
            try {
                while (extended.size() < STEPS) {
                    long byteSize = 1 + extended.size() % 100 * 177L;
                    MemorySegment memory = extendAtLast(byteSize);
                    check(memory.byteSize() == byteSize && memory.address() % PAGE == 0, memory.toString());
                    Patterns.fill(memory.address(), byteSize, byteSize);
                    extended.add(memory);
                }
                check(Maps.isInBreak(extended.getLast().address()), "it is [heap] in maps");
            } finally {
                goesOn.set(false);
            }
            for (MemorySegment memory : extended) {
                Patterns.check(memory.address(), memory.byteSize(), memory.byteSize(), memory.byteSize());
            }
            for (Future<Long> blocks : libc) {
                check(blocks.get() > 10_000, "libc had work to do: " + blocks.get());
            }
        } catch (InterruptedException | ExecutionException failed) {
            throw new IllegalStateException(failed);
        }
    }

    /// With two threads moving the break all the time, it may be cut off at every try: that is told as `EAGAIN`.
    private static MemorySegment extendAtLast(long byteSize) {
        for (int tries = 1; ; tries++) {
            try {
                return ProgramBreak.extend(byteSize);
            } catch (SystemCallException refused) {
                check(refused.errnoName().equals("EAGAIN") && tries < 100, refused.toString());
            }
        }
    }

    /// Fills the C library's heap and empties it, so that it moves the break up and down. Returns how many blocks
    /// it had.
    private static long growAndTrim(AtomicBoolean goesOn, long seed) {
        long blocks = 0;
        long[] addresses = new long[1_000];
        while (goesOn.get() || blocks <= 10_000) {
            for (int index = 0; index < addresses.length; index++) {
                addresses[index] = CMalloc.malloc(60_000);
                Patterns.fill(addresses[index], 60_000, seed + index);
            }
            for (int index = 0; index < addresses.length; index++) {
                Patterns.check(addresses[index], 60_000, 60_000, seed + index);
                CMalloc.free(addresses[index]);
            }
            blocks += addresses.length;
        }
        return blocks;
    }

    private static void aMappingLiesAbove() {
        long above = (ProgramBreak.current() + 16 * MIB) & -PAGE;
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_FIXED_NOREPLACE;
        check(OS.mmap(above, PAGE, Linux.PROT_NONE, flags, -1, 0) == above, "mapped");
        roomIsExact(ProgramBreak.Bound.NEXT_MAPPING, 16 * MIB, 1);
        check(
                ProgramBreak.layout().nextMapping() == above,
                ProgramBreak.layout().toString());
        check(ProgramBreak.current() == above - PAGE, "a page stays free");
    }

    private static void isLimited(int resource, String inUse, ProgramBreak.Bound bound) {
        Limits.setSoft(resource, Maps.statusBytes(inUse) + 16 * MIB);
        roomIsExact(bound, 16 * MIB, MIB); // the JVM maps a little of its own meanwhile
        Limits.setSoft(resource, Linux.RLIM_INFINITY);
        ProgramBreak.sbrk(32 * MIB);
    }

    /// What is told can be had, and nothing beyond it.
    private static void roomIsExact(ProgramBreak.Bound bound, long about, long tolerance) {
        ProgramBreak.Layout layout = ProgramBreak.layout();
        check(layout.bound() == bound, layout.toString());
        check(layout.roomBytes() > about - 2 * MIB && layout.roomBytes() <= about + PAGE, layout.toString());
        try {
            ProgramBreak.sbrk(layout.roomBytes() + tolerance);
            throw new AssertionError("there was more room than " + layout);
        } catch (SystemCallException refused) {
            check(refused.errnoName().equals("ENOMEM"), refused.toString());
            String named = bound == ProgramBreak.Bound.NEXT_MAPPING ? "the mapping " : bound.toString();
            check(refused.advice().contains("until " + named), refused.toString());
        }
        layout = ProgramBreak.layout();
        long granted = layout.roomBytes() - (tolerance == 1 ? 0 : MIB / 2);
        long address = ProgramBreak.sbrk(granted);
        Patterns.fill(address, granted, 1);
        Patterns.check(address, granted, granted, 1);
        check(Maps.isInBreak(address + granted - 1), "it is [heap] in maps");
    }

    /// The break seems to be lower afterwards, as if another thread's step had cut it off.
    private static void theBreakIsCutOff() {
        isLost((proxy, method, arguments) -> {
            long result = (long) method.invoke(OS, arguments);
            return method.getName().equals("sbrk") && (long) arguments[0] == 0 ? result - PAGE : result;
        });
    }

    private static void somebodyHasTouchedTheMemory() {
        isLost((proxy, method, arguments) -> {
            long result = (long) method.invoke(OS, arguments);
            if (method.getName().equals("sbrk") && (long) arguments[0] > 0) {
                RawMemory.putByte(result + (long) arguments[0] - 5 * PAGE, (byte) 1);
            }
            return result;
        });
    }

    private static void isLost(InvocationHandler handler) {
        SystemCalls spoiled = (SystemCalls)
                Proxy.newProxyInstance(SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, handler);
        long before = ProgramBreak.current();
        try {
            ProgramBreak.sbrk(spoiled, MIB);
            throw new AssertionError("memory that may be another's was given out");
        } catch (SystemCallException refused) {
            check(refused.errnoName().equals("EAGAIN"), refused.toString());
            check(refused.advice().contains("another thread moved the break"), refused.toString());
        }
        check(ProgramBreak.current() >= before + MIB, "what was taken stays taken");
        try {
            ProgramBreak.extend(spoiled, MIB);
            throw new AssertionError("memory that may be another's was given out");
        } catch (SystemCallException refused) {
            check(refused.errnoName().equals("EAGAIN"), refused.toString());
        }
        check(ProgramBreak.current() >= before + 8 * 64 * MIB, "tried eight times");
        Patterns.fill(ProgramBreak.sbrk(MIB), MIB, 1);
    }

    private static void allFutureMemoryIsLocked() {
        if (!MemoryLock.limits().privileged()) {
            return;
        }
        MemoryLock.lockAll(MemoryLock.LockAll.FUTURE);
        try {
            ProgramBreak.sbrk(MIB);
            throw new AssertionError("cannot be proven, since all pages are resident");
        } catch (SystemCallException refused) {
            check(refused.errnoName().equals("EAGAIN"), refused.toString());
        }
        MemoryLock.lockAll(MemoryLock.LockAll.FUTURE, MemoryLock.LockAll.ON_FAULT);
        check(Maps.flags(ProgramBreak.sbrk(MIB) + MIB / 2).contains("lo"), "locked when it is touched");
        MemoryLock.unlockAll();
        Patterns.fill(ProgramBreak.sbrk(MIB), MIB, 1);
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("not so: " + message);
        }
    }
}
