package malloc4j.jfr;

import java.util.List;
import java.util.function.Predicate;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Call;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// Events that are written by the thread that they happen to, with its stack.
final class ReportEvents {
    static final List<Class<? extends HeapEvent>> TYPES = List.of(Sample.class, Misuse.class, GuardHit.class);

    private ReportEvents() {}

    /// The first frame that counts, such as `cache.Entry.<init>(Entry.java:17)`; empty where none does.
    private static String first(List<StackTraceElement> stack, Predicate<StackTraceElement> isOfProgram) {
        return stack.stream()
                .filter(isOfProgram)
                .findFirst()
                .map(ReportEvents::text)
                .orElse("");
    }

    private static String text(StackTraceElement frame) {
        String where = frame.getFileName() == null
                ? "Unknown Source"
                : frame.getFileName() + (frame.getLineNumber() < 0 ? "" : ":" + frame.getLineNumber());
        return frame.getClassName() + "." + frame.getMethodName() + "(" + where + ")";
    }

    /// The line of the program that has called the library.
    private static String caller() {
        return StackWalker.getInstance()
                .walk(frames -> frames.filter(frame -> !frame.getClassName().startsWith("malloc4j."))
                        .findFirst()
                        .map(frame -> text(frame.toStackTraceElement()))
                        .orElse(""));
    }

    private static boolean isOfProgram(StackTraceElement frame) {
        String name = frame.getClassName();
        return !name.startsWith("java.") && !name.startsWith("jdk.") && !name.startsWith("malloc4j.internal.");
    }

    @Name("malloc4j.AllocationSample")
    @Label("Heap Allocation Sample")
    @Description("A block that was allocated and stands for others, while the profile of its heap is on (profileBytes,"
            + " or startProfile): sums of its weights estimate all that is allocated, without bias")
    @StackTrace
    static final class Sample extends HeapEvent {
        @Label("Site")
        @Description("The line that allocates: the innermost frame that is not of the library")
        String site = "";

        @Label("Weight")
        @Description("How many bytes the block stands for")
        @DataAmount
        long weight;

        @Label("Blocks")
        @Description("How many blocks it stands for")
        double blocks;

        @Label("Size")
        @Description("How many bytes of the block may be used")
        @DataAmount
        long byteSize;

        @Label("Address")
        @MemoryAddress
        long address;

        static void commitOf(Probe.Sample sample) {
            Sample event = new Sample();
            if (event.shouldCommit()) {
                event.of(sample.heap(), sample.heapId());
                event.site = first(sample.stack(), frame -> true);
                event.weight = Math.round(sample.bytes());
                event.blocks = sample.weight();
                event.byteSize = sample.byteSize();
                event.address = sample.address();
                event.commit();
            }
        }
    }

    /// One about a block. What is common stands after what is not, in each view.
    @StackTrace
    abstract static class OfBlock extends HeapEvent {
        @Label("Block Address")
        @Description("Where the block begins; 0 where there is none")
        @MemoryAddress
        long blockAddress;

        @Label("Block Size")
        @DataAmount
        long blockBytes;

        @Label("Allocated")
        @Description("By which thread, how long before, and its stack; where that is known")
        String allocated = "";

        @Label("Freed")
        @Description("By which thread, how long before, and its stack; where that is known")
        String freed = "";

        @Label("Text")
        @Description("All of it, as the library says it")
        String text = "";

        final void about(Block block) {
            blockAddress = block.address();
            blockBytes = block.byteSize();
            allocated = text(block.allocated());
            freed = text(block.freed());
        }

        private static String text(@Nullable Call call) {
            return call == null ? "" : call.toString();
        }
    }

    @Name("malloc4j.Misuse")
    @Label("Block Misuse")
    @Description("A call was refused, because no live block that it may have begins at its address: a double free, for"
            + " example. Nothing has changed by it")
    @StackTrace
    static final class Misuse extends OfBlock {
        @Label("Finding")
        @Description("What is wrong, in one word")
        String finding = "";

        @Label("Site")
        @Description("The line that calls: the innermost frame that is not of the library")
        String site = "";

        @Label("Call")
        String call = "";

        @Label("Address")
        @Description("What the call was given")
        @MemoryAddress
        long address;

        static void commitOf(String heap, int heapId, MisuseReport report) {
            Misuse event = new Misuse();
            if (event.shouldCommit()) {
                event.of(heap, heapId);
                event.finding = report.finding().name();
                event.site = caller();
                event.call = report.call();
                event.address = report.address();
                event.text = report.message();
                report.blockIfAny().ifPresent(event::about);
                event.commit();
            }
        }
    }

    @Name("malloc4j.GuardHit")
    @Label("Guard Hit")
    @Description("Java code has touched a guarded block after it was freed, or what lies beside one; written when the"
            + " error is explained, by Heap.explain or the handler of uncaught errors")
    @StackTrace
    static final class GuardHit extends OfBlock {
        @Label("Finding")
        @Description("What was done")
        String finding = "";

        @Label("Site")
        @Description("The line that touches: the innermost frame that is not of the JDK")
        String site = "";

        @Label("Address")
        @Description("What was touched, by the kernel's word; 0 where nobody knows, and the block is the likeliest one")
        @MemoryAddress
        long address;

        @Label("Offset")
        @Description("Of the address from the block: negative before it, from 1 on behind it, 0 inside of it")
        long offset;

        static void commitOf(Probe.GuardHit hit) {
            GuardHit event = new GuardHit();
            if (event.shouldCommit()) {
                event.of(hit.heap(), hit.heapId());
                event.finding = hit.what() + (hit.isGuess() ? "?" : "");
                event.site = first(hit.stack(), ReportEvents::isOfProgram);
                event.address = hit.address();
                event.offset = hit.offset();
                event.text = hit.text() + "\n    touched" + lines(hit.stack());
                event.about(hit.block());
                event.commit();
            }
        }

        private static String lines(List<StackTraceElement> stack) {
            StringBuilder lines = new StringBuilder();
            stack.forEach(frame -> lines.append("\n        at ").append(ReportEvents.text(frame)));
            return lines.toString();
        }
    }
}
