package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.memory.Sizes;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Finding;

/// What has become of a misuse in one turn.
///
/// @param outcome of a silent turn always [Outcome#HARMLESS]: only the table knows what it is
/// @param name of the finding or the exception, empty where there is none
record Seen(Outcome outcome, String name, String text) {
    private static final String AMID_UNSAFE = "unsafe memory access operation";

    boolean isSilent() {
        return outcome.isSilent();
    }

    /// Makes a turn of a case in a scene. What is no outcome of a misuse is thrown on.
    static Seen in(Scene scene, Act act) throws Exception {
        try {
            act.run(scene);
            return search(scene);
        } catch (BlockMisuseException misuse) {
            return misuse(scene, misuse);
        } catch (InternalError fault) {
            return touch(scene, fault);
        } catch (Scene.NotWholeException notWhole) {
            return new Seen(Outcome.BY_VERIFY, "", String.valueOf(notWhole.getMessage()));
        } catch (IllegalArgumentException | IllegalStateException | OutOfNativeMemoryError refused) {
            scene.requireUnchanged();
            return new Seen(Outcome.REFUSED, refused.getClass().getSimpleName(), String.valueOf(refused.getMessage()));
        }
    }

    /// Of a turn that came back: what the heap finds when it is asked.
    private static Seen search(Scene scene) {
        List<MisuseReport> found = scene.heap().findDamage();
        if (found.isEmpty()) {
            return new Seen(Outcome.HARMLESS, "", "");
        }
        MisuseReport report = found.stream()
                .filter(each -> each.address() == scene.concerned())
                .findFirst()
                .orElseThrow(() -> new AssertionError("found of another block: " + found));
        assertThat(report.message())
                .startsWith("check(" + Sizes.hex(report.address()) + ") of heap '"
                        + scene.heap().options().name() + "': ")
                .contains("\n    allocated by thread '");
        assertThat(report.blockIfAny().orElseThrow().isLive()).isEqualTo(report.finding() == Finding.DAMAGED);
        assertThat(report.message().contains("\n    freed by thread '"))
                .isEqualTo(report.finding() == Finding.WRITTEN_AFTER_FREE);
        return new Seen(Outcome.BY_SEARCH, report.finding().name(), report.message());
    }

    /// The report has the call, the address and the heap; what was refused has changed nothing, and of what was
    /// damaged the block is free.
    private static Seen misuse(Scene scene, BlockMisuseException misuse) {
        MisuseReport report = misuse.report();
        assertThat(report.address()).isEqualTo(scene.concerned());
        assertThat(misuse.address()).isEqualTo(scene.concerned());
        assertThat(misuse)
                .hasMessageStartingWith(report.call() + "(" + Sizes.hex(report.address()) + ") of heap '"
                        + report.allocator().replaceAll("heap '(.*)'", "$1") + "': " + report.text());
        if (report.finding() != Finding.DAMAGED) {
            scene.requireUnchanged();
            assertThat(scene.heap().findDamage()).isEmpty();
            return new Seen(Outcome.REFUSED, report.finding().name(), report.message());
        }
        assertThat(report.blockIfAny().orElseThrow().address()).isEqualTo(scene.concerned());
        assertThat(report.blockIfAny().orElseThrow().isLive()).isFalse();
        assertThat(report.message()).contains("\n    allocated by thread '", "\n    freed by thread '");
        scene.requireOneFreed();
        return new Seen(Outcome.AT_FREE, report.finding().name(), report.message());
    }

    private static Seen touch(Scene scene, InternalError fault) {
        if (!String.valueOf(fault.getMessage()).contains(AMID_UNSAFE)) {
            throw fault;
        }
        String text = Heap.explain(fault).orElseThrow();
        assertThat(text)
                .contains(" at " + Sizes.hex(scene.concerned()) + " of heap '"
                        + scene.heap().options().name() + "'")
                .contains("\n    allocated by thread '");
        return new Seen(Outcome.AT_THE_TOUCH, "", text);
    }
}
