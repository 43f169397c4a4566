package malloc4j.sources;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.TestHeaps;
import malloc4j.faults.Limits;
import malloc4j.faults.Maps;
import malloc4j.faults.Patterns;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.ChunkMap;

/// What [BrkSourceTest] runs, each scenario in a process of its own, because claims of the program break are for ever.
public final class BrkSourceChild {
    private static final long MIB = 1L << 20;
    private static final long PAGE = 4_096;
    private static final int MAX_LOST_CLAIMS = 8;

    private BrkSourceChild() {}

    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "plain" -> plain();
            case "RLIMIT_DATA" -> dataIsLimited();
            case "mapping above" -> aMappingLiesAbove();
            case "foreign sbrk" -> foreignStepsBetweenOurs();
            case "cut off" -> theBreakIsCutOffBeforeUse();
            case "cut off later" -> theBreakIsCutOffLater();
            case "resident" -> theClaimHoldsSomebodysMemory();
            case "records refused" -> theRecordsAreRefused();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        System.out.println("done");
    }

    private static void plain() {
        long before = TestKernel.calls().sbrk(0);
        try (Heap heap = heap(TestKernel.calls())) {
            List<Long> blocks = use(heap, 30);
            for (long address : blocks) {
                check(Maps.isInBreak(address), "a block is in the break");
            }
            long huge = heap.malloc(40 * MIB);
            check(!Maps.isInBreak(huge), "a block above the mmap threshold is a mapping");
            heap.free(huge);
            check(heap.calloc(1, MIB) > 0, "calloc");
            end(heap, blocks);
        }
        long claimed = TestKernel.calls().sbrk(0);
        check(claimed > before, "the break has moved");
        try (Heap heap = heap(TestKernel.calls())) {
            List<Long> blocks = use(heap, 30);
            check(Maps.isInBreak(blocks.getFirst()), "the next heap uses what was claimed");
            check(RawMemory.getLong(heap.calloc(1, MIB)) == 0, "what was used before reads zero");
            end(heap, blocks);
        }
        check(TestKernel.calls().sbrk(0) == claimed, "nothing more was claimed");
    }

    private static void dataIsLimited() {
        try (Heap warm = Heap.create(HeapOptions.defaults())) {
            warm.free(warm.malloc(MIB));
        }
        long before = TestKernel.calls().sbrk(0);
        Limits.setSoft(Linux.RLIMIT_DATA, Maps.statusBytes("VmData") + 48 * MIB);
        usesMappings(TestKernel.calls());
        check(TestKernel.calls().sbrk(0) - before < 16 * MIB, "the break has not moved by a claim");
        Limits.setSoft(Linux.RLIMIT_DATA, Linux.RLIM_INFINITY);
        usesTheBreak(TestKernel.calls());
    }

    private static void aMappingLiesAbove() {
        long above = (TestKernel.calls().sbrk(0) + 16 * MIB) & -PAGE;
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_FIXED_NOREPLACE;
        long mapped = TestKernel.calls().mmap(above, PAGE, Linux.PROT_NONE, flags, -1, 0);
        check(mapped == above, "mapped above the break: " + mapped);
        usesMappings(TestKernel.calls());
        check(TestKernel.calls().sbrk(0) < above, "the break is below the mapping");
        TestKernel.calls().munmap(above, PAGE);
        usesTheBreak(TestKernel.calls());
    }

    private static void foreignStepsBetweenOurs() {
        try (Heap heap = heap(TestKernel.calls())) {
            List<Long> blocks = new ArrayList<>();
            List<Long> foreign = new ArrayList<>();
            for (int step = 0; step < 5; step++) {
                blocks.addAll(use(heap, 20));
                long address = TestKernel.calls().sbrk(MIB);
                check(!Errno.isError(address), "sbrk");
                for (long block : blocks) {
                    check(block + MIB <= address || block >= address + MIB, "what sbrk gave is nobody's block");
                }
                Patterns.fill(address, MIB, 1_000 + step);
                foreign.add(address);
            }
            for (int step = 0; step < 5; step++) {
                Patterns.check(foreign.get(step), MIB, MIB, 1_000 + step);
            }
            check(blocks.stream().allMatch(Maps::isInBreak), "every block is in the break");
            for (int index = 0; index < blocks.size(); index++) {
                Patterns.check(blocks.get(index), MIB, MIB, index % 20);
            }
            end(heap, blocks);
            for (int step = 0; step < 5; step++) {
                Patterns.check(foreign.get(step), MIB, MIB, 1_000 + step);
            }
        }
    }

    /// The break seems to be lower after each claim, as if another thread's step had cut it off.
    private static void theBreakIsCutOffBeforeUse() {
        RecordingCalls calls = new RecordingCalls(answering("sbrk", 0, -PAGE));
        usesMappings(calls);
        long moves = calls.calls("sbrk").stream()
                .filter(call -> !call.equals("sbrk(0)"))
                .count();
        check(moves > 0 && moves <= MAX_LOST_CLAIMS, "the break was moved " + moves + " times in vain");
        usesMappings(TestKernel.calls()); // for the rest of the process
    }

    /// The break seems to be lower when a claim that was good before is used again.
    private static void theBreakIsCutOffLater() {
        usesTheBreak(TestKernel.calls());
        usesMappings(answering("sbrk", 0, -1_000 * MIB));
        usesMappings(TestKernel.calls()); // for the rest of the process
    }

    private static void theClaimHoldsSomebodysMemory() {
        InvocationHandler handler = (proxy, method, arguments) -> {
            long result = (long) method.invoke(TestKernel.calls(), arguments);
            if (method.getName().equals("mincore")) {
                RawMemory.putByte((long) arguments[2] + 100, (byte) 1);
            }
            return result;
        };
        usesMappings(proxy(handler));
        usesMappings(TestKernel.calls()); // for the rest of the process
    }

    /// While the records of the break's zone cannot be had, no break is claimed in vain.
    private static void theRecordsAreRefused() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failFrom(text -> text.startsWith("mmap(0x0,"), 1, Errno.ENOMEM);
        long before = TestKernel.calls().sbrk(0);
        try (Heap heap = heap(calls)) {
            List<Long> blocks = use(heap, 60);
            check(blocks.stream().noneMatch(Maps::isInBreak), "no block is in the break");
            end(heap, blocks);
        }
        long moved = TestKernel.calls().sbrk(0) - before;
        check(moved < 64 * MIB, "the break was moved by " + moved + " bytes for nothing");
        usesTheBreak(TestKernel.calls());
    }

    private static void usesMappings(SystemCalls calls) {
        try (Heap heap = heap(calls)) {
            List<Long> blocks = use(heap, 20);
            long zone = ChunkMap.BASE;
            for (long address : blocks) {
                check(address >= zone && address < zone + ChunkMap.main().byteSize(), "a block is in the zone");
            }
            end(heap, blocks);
        }
    }

    private static void usesTheBreak(SystemCalls calls) {
        try (Heap heap = heap(calls)) {
            List<Long> blocks = use(heap, 20);
            check(blocks.stream().allMatch(Maps::isInBreak), "every block is in the break");
            end(heap, blocks);
        }
    }

    private static Heap heap(SystemCalls calls) {
        return TestHeaps.create(
                calls,
                HeapOptions.builder()
                        .name("brk")
                        .source(MemorySource.BRK)
                        .brkClaimBytes(2 * MIB)
                        .purgeDelay(Duration.ofMillis(-1))
                        .build());
    }

    /// Blocks of 1 MiB, filled.
    private static List<Long> use(Heap heap, int count) {
        List<Long> blocks = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            long address = heap.malloc(MIB);
            Patterns.fill(address, MIB, index);
            blocks.add(address);
        }
        for (int index = 0; index < count; index++) {
            Patterns.check(blocks.get(index), MIB, MIB, index);
        }
        heap.verify();
        return blocks;
    }

    private static void end(Heap heap, List<Long> blocks) {
        blocks.forEach(heap::free);
        heap.trim(0);
        heap.verify();
    }

    /// Linux, but for what one call with one argument answers: that, and so much more.
    private static SystemCalls answering(String name, long argument, long more) {
        return proxy((proxy, method, arguments) -> {
            long result = (long) method.invoke(TestKernel.calls(), arguments);
            return method.getName().equals(name) && (long) arguments[0] == argument ? result + more : result;
        });
    }

    private static SystemCalls proxy(InvocationHandler handler) {
        return (SystemCalls)
                Proxy.newProxyInstance(SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, handler);
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("not so: " + message);
        }
    }
}
