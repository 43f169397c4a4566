package malloc4j.faults;

import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.os.Daemons;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;

/// Makes the first heap of a process on a ground whose kernel refuses something: of all calls that with the number in
/// the first argument, or of those whose name is the second the one with that number and all after it. Then the same
/// again where nothing is refused. Prints what became of the first attempt.
final class FirstHeapChild {
    private FirstHeapChild() {}

    public static void main(String[] arguments) {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        Ground.choose(new Ground(calls, System::nanoTime, Daemons::unstarted));
        long nth = Long.parseLong(arguments[0]);
        if (arguments.length == 1) {
            calls.failOnce(text -> !text.startsWith("sysconf"), nth, Errno.ENOMEM);
        } else {
            calls.failFrom(arguments[1], nth, Errno.ENOMEM);
        }
        String first = attempt();
        boolean isReached = calls.injectedCount() > 0;
        calls.stopFailing();
        String second = attempt();
        check(second.equals("passed"), "once nothing is refused: " + second);
        check(ChunkMap.main().lostBytes() == 0, "addresses were lost");
        check(Ground.process().mappings().used() == 0, "mappings are still counted");
        ChunkMap.main().verify();
        System.out.println(isReached ? first : "no such call");
    }

    private static String attempt() {
        try (Heap heap = Heap.create(HeapOptions.builder().name("first").build())) {
            long block = heap.malloc(24);
            long large = heap.malloc(100_000);
            check(heap.statistics().liveBlocks() == 2, "two blocks live");
            heap.verify();
            heap.free(block);
            heap.free(large);
            return "passed";
        } catch (OutOfMemoryError refused) {
            return "refused";
        }
    }

    private static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
