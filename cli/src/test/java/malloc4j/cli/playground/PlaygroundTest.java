package malloc4j.cli.playground;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.playground.PlaygroundState.Block;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A heap to play with, in a process of its own.
@Timeout(60)
class PlaygroundTest {
    private static final long PAGE_BYTES = 4096;

    private final Playground playground = Playground.start();

    @AfterEach
    void end() {
        playground.close();
    }

    private static Block newest(PlaygroundState state) {
        return state.blocks().getFirst();
    }

    @Test
    void aSmallBlockMovesTheBreakAndALargeOneIsAMapping() {
        PlaygroundState before = playground.look();
        assertThat(before.blocks()).isEmpty();
        PlaygroundState small = playground.malloc(1, 100, "BY_SIZE");

        assertThat(small.breakEnd()).isGreaterThan(before.breakEnd());
        assertThat(small.sentences())
                .contains("Block 1 of 100 bytes lies in a slab of blocks of 112 bytes in the brk heap and may use 112"
                        + " bytes.")
                .anySatisfy(sentence -> assertThat(sentence).startsWith("The break moved up by "));
        assertThat(newest(small).address()).isBetween(before.breakEnd(), small.breakEnd());

        PlaygroundState large = playground.malloc(1, 1 << 20, "BY_SIZE");
        assertThat(large.breakEnd()).isEqualTo(small.breakEnd());
        assertThat(newest(large).place()).isEqualTo("a mapping of its own in the mmap zone");
        assertThat(newest(large).address()).isGreaterThan(large.breakEnd());
        assertThat(newest(large).residentBytes()).isZero();
        assertThat(playground.touch(2).sentences()).containsExactly("Block 2 is written: 256 pages got memory, 1 MiB.");
        assertThat(playground.free(2).sentences())
                .first()
                .isEqualTo("Block 2 is free: its mapping is gone, 1 MiB of memory went back at once, and so did its"
                        + " addresses.");
        assertThat(newest(playground.malloc(1, 100, "MAPPING")).place())
                .isEqualTo("a slab of blocks of 112 bytes in the mmap zone");
        assertThat(newest(playground.malloc(1, 1 << 20, "BREAK")).place()).isEqualTo("a run of pages in the brk heap");
    }

    @Test
    void aPageStaysForTheBlockThatPinsIt() {
        int perPage = (int) (PAGE_BYTES / 1024);
        PlaygroundState made = playground.malloc(2L * perPage, 1024, "BY_SIZE");
        List<Block> page = made.blocks().stream()
                .filter(block -> block.address() / PAGE_BYTES == newest(made).address() / PAGE_BYTES)
                .toList();
        assertThat(page).hasSizeBetween(2, perPage);
        made.blocks().forEach(block -> playground.touch(block.number()));
        Block pin = page.getFirst();
        Block other = page.getLast();
        for (Block block : made.blocks()) {
            if (!page.contains(block)) {
                playground.free(block.number());
            }
        }
        page.subList(1, page.size() - 1).forEach(block -> playground.free(block.number()));

        assertThat(playground.free(other.number()).sentences())
                .contains("Its page stays: block " + pin.number() + " lies there as well.");
        assertThat(playground.trim().sentences())
                .contains("Block " + pin.number() + " of 1 KiB alone keeps 4 KiB: a page goes back when no live block"
                        + " touches it.");
        assertThat(playground.free(pin.number()).sentences())
                .contains("Its page is touched by no live block, and kept for the next one: 4 KiB that a trim gives"
                        + " back.");
        PlaygroundState trimmed = playground.trim();
        assertThat(trimmed.sentences()).first().isEqualTo("4 KiB went back to the kernel.");
        assertThat(trimmed.residentBytes()).isZero();
        assertThat(trimmed.breakEnd()).as("it is not moved down").isEqualTo(made.breakEnd());
    }

    @Test
    void whatCannotBeIsSaidInOneLine() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> playground.free(7))
                .withMessage("there is no block 7");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> playground.malloc(1, 1, "NOWHERE"))
                .withMessage("policy must be one of [BY_SIZE, BREAK, MAPPING]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> playground.malloc(1, Long.MAX_VALUE, "BY_SIZE"))
                .withMessage("bytes of a block: 0 to 1073741824");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> playground.malloc(1001, 1, "BY_SIZE"))
                .withMessage("blocks at once: 1 to 1000");
        assertThat(playground.look().liveBlocks()).isZero();
        playground.close();
        assertThatThrownBy(playground::look).isInstanceOf(CliException.class).hasMessage("the playground has ended");
    }

    @Test
    void itEndsWhenNobodyCanAskItAnyMore() throws Exception {
        Process process = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        PlaygroundChild.class.getName())
                .start();
        try {
            process.outputWriter().append("look\n").flush();
            assertThat(process.inputReader().readLine()).startsWith("ok {");
            process.getOutputStream().close(); // as the kernel does when the command is killed
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isZero();
        } finally {
            process.destroyForcibly();
        }
    }
}
