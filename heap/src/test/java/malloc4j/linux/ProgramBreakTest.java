package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import malloc4j.faults.ChildJvm;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgramBreakTest {
    private final RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());

    @ParameterizedTest
    @ValueSource(strings = {"grows", "mapping above", "RLIMIT_DATA", "RLIMIT_AS", "cut off", "resident", "all locked"})
    void inAProcessOfItsOwn(String scenario) throws Exception {
        assertThat(ChildJvm.small("-Xint").run(ProgramBreakChild.class, scenario))
                .endsWith("done\n");
    }

    @Test
    void extendingBesideTheCLibraryHarmsNobody() throws Exception {
        ChildJvm child = ChildJvm.small().with("MALLOC_ARENA_MAX", "1");
        assertThat(child.run(ProgramBreakChild.class, "extends")).endsWith("done\n");
    }

    @Test
    void theLayoutIsWhatTheMapsSay() {
        ProgramBreak.Layout layout = ProgramBreak.layout();
        Maps.Mapping heap = Maps.at(layout.start());
        assertThat(heap.name()).isEqualTo("[heap]");
        assertThat(heap.start()).isEqualTo(layout.start());
        assertThat(layout.byteSize()).isPositive().isEqualTo(layout.current() - layout.start());
        assertThat(Maps.at(layout.nextMapping()).start()).isEqualTo(layout.nextMapping());
        assertThat(layout.toString()).startsWith("break at 0x").contains("room for " + layout.roomBytes() + " bytes");
        assertThat(ProgramBreak.current()).isGreaterThanOrEqualTo(layout.current());
    }

    @Test
    void theBreakIsNotMovedDown() {
        long before = ProgramBreak.current();
        for (long increment : new long[] {-1, -4_096, Long.MIN_VALUE}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ProgramBreak.sbrk(calls, increment))
                    .withMessageContaining("increment=" + increment + " bytes: must be 0 or more")
                    .withMessageContaining("the break is not moved down");
        }
        assertThat(calls.count()).isZero();
        assertThat(ProgramBreak.sbrk(0)).isGreaterThanOrEqualTo(before);
    }

    @Test
    void whatIsRefusedIsNamed() {
        assertThatThrownBy(() -> ProgramBreak.sbrk(Long.MAX_VALUE))
                .isInstanceOfSatisfying(SystemCallException.class, refused -> {
                    assertThat(refused.call()).isEqualTo("sbrk(increment=9223372036854775807)");
                    assertThat(refused.errnoName()).isEqualTo("ENOMEM");
                    assertThat(refused.advice()).startsWith("break at 0x").endsWith("; use mmap");
                });
        assertThatThrownBy(() -> ProgramBreak.extend(1L << 60))
                .isInstanceOf(SystemCallException.class)
                .hasMessageStartingWith("sbrk(increment=67108864+1152921504606846976) failed: ENOMEM")
                .hasMessageEndingWith("; use mmap");
        for (long byteSize : new long[] {0, -1, Long.MAX_VALUE}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ProgramBreak.extend(byteSize))
                    .withMessage("byteSize=" + byteSize + " bytes: must be from 1 to 2^62 - 1");
        }
        calls.failFrom("sbrk", 1, Errno.ENOMEM);
        assertThatThrownBy(() -> ProgramBreak.sbrk(calls, 1))
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("sbrk(increment=1) failed: ENOMEM");
        assertThatThrownBy(() -> ProgramBreak.current(calls))
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("sbrk(0) failed: ENOMEM");
        calls.stopFailing();
        for (String name : new String[] {"sysconf", "prlimit", "sbrk"}) {
            calls.failOnce(name, 1, Errno.EINVAL);
            assertThatThrownBy(() -> ProgramBreak.layout(calls))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("EINVAL");
        }
    }
}
