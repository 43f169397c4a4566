package malloc4j.cli.learn;

import java.util.List;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Starts.Start;
import org.jspecify.annotations.Nullable;

/// Where a program lies, start by start.
final class RandomisationScene implements Scene {
    private static final int STARTS = 10;
    private static final String SWITCH = "/proc/sys/kernel/randomize_va_space";

    @Override
    public Lesson lesson() {
        return new Lesson(
                "randomisation",
                "A program lies elsewhere each time it is started",
                "ten starts of one program: where its text, heap, libraries and stack were",
                "Who attacks a program by its own bugs has to know where things lie. So the kernel places the"
                        + " program, the start of the brk heap, the mmap zone and the stack at random, within some"
                        + " bits each, whenever a program is started. It costs nothing at run time. What does not"
                        + " change is the order: program, heap, mappings, stack. For a debugger, or to compare two"
                        + " runs, one can switch it off for one program.",
                List.of(
                        Source.manual("proc_sys_kernel", 5),
                        Source.manual("personality", 2),
                        new Source(
                                "Shacham et al.: On the Effectiveness of Address-Space Randomization, CCS 2004",
                                "https://dl.acm.org/doi/10.1145/1030083.1030124")),
                List.of(
                        new Try("cat /proc/self/maps", "twice: no two lines are the same but the last"),
                        new Try("setarch -R cat /proc/self/maps", "twice: all lines are the same")));
    }

    @Override
    public void play(Stage stage) {
        String mode = Self.word(SWITCH);
        Starts starts = Starts.of(STARTS);
        if (!starts.obstacle().isEmpty()) {
            stage.step("cat /proc/self/maps is started ten times.")
                    .open("A program lies elsewhere each time.", starts.obstacle());
            return;
        }
        @Nullable String off = mode.equals("2") ? null : "kernel.randomize_va_space is " + mode + ", not 2";
        List<Start> all = starts.all();
        stage.step("cat /proc/self/maps is started ten times; this is the first.")
                .count("different places of the program", starts.places(Start::text), "of 10")
                .count("of the brk heap", starts.places(Start::heap), "of 10")
                .count("of the mmap zone", starts.places(Start::libraries), "of 10")
                .count("of the stack", starts.places(Start::stackEnd), "of 10")
                .strip(all.getFirst().strip())
                .claimUnless(
                        off,
                        "Heap, mmap zone and stack lie elsewhere at each start.",
                        () -> starts.places(Start::heap) == STARTS
                                && starts.places(Start::libraries) == STARTS
                                && starts.places(Start::stackEnd) == STARTS);
        @Nullable
        String fixed = off != null || all.getFirst().text() > 1L << 32 ? off : "cat is not built to be moved here";
        stage.step("This is the second start.")
                .count("bits in which the places of the program differ", starts.bits(Start::text), "bits")
                .count("of the brk heap", starts.bits(Start::heap), "bits")
                .count("of the mmap zone", starts.bits(Start::libraries), "bits")
                .count("of the stack", starts.bits(Start::stackEnd), "bits")
                .strip(all.get(1).strip())
                .claimUnless(
                        fixed,
                        "The program itself lies elsewhere too, if it is built as position independent.",
                        () -> starts.places(Start::text) == STARTS);
        stage.step("The order is looked at in all ten.")
                .count("in the order program, heap, mmap zone, stack", inOrder(all), "of 10")
                .claim("The order of the parts is never changed.", inOrder(all) == STARTS);
        playSwitchedOff(stage);
    }

    private static long inOrder(List<Start> starts) {
        return starts.stream().filter(Start::isInOrder).count();
    }

    private static void playSwitchedOff(Stage stage) {
        Starts starts = Starts.of(STARTS, "setarch", "-R");
        String said = "Randomisation can be switched off for one program: then it lies in one place each time.";
        String text = "It is started ten times by setarch -R, which asks for no randomisation.";
        if (!starts.obstacle().isEmpty()) {
            stage.step(text).open(said, starts.obstacle());
            return;
        }
        stage.step(text)
                .count("different places of the program", starts.places(Start::text), "of 10")
                .count("of the brk heap", starts.places(Start::heap), "of 10")
                .count("of the mmap zone", starts.places(Start::libraries), "of 10")
                .count("of the stack", starts.places(Start::stackEnd), "of 10")
                .strip(starts.all().getFirst().strip())
                .claim(said, starts.places(Start::text) == 1 && starts.places(Start::heap) == 1);
    }
}
