package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The first use of the library in a process by a thread that has no stack left for it, or of a part of it after that.
class FirstUseTest {
    @ParameterizedTest
    @EnumSource
    void firstUseAtTheEndOfTheStackLosesNoClass(FirstUseChild.Use use) throws Exception {
        assertThat(ChildJvm.small().run(FirstUseChild.class, use.name())).endsWith("done\n");
    }

    @Test
    void noCallOfAHeapIsTheFirstToInitialiseAClass() throws Exception {
        String printed = ChildJvm.small("-Xlog:class+init=info:stdout:none").run(FirstUseChild.class);
        String afterwards = printed.substring(printed.indexOf(FirstUseChild.MADE));
        assertThat(afterwards.lines())
                .filteredOn(line -> line.contains("Initializing 'malloc4j/")
                        && !line.contains("(no method)")
                        && !line.contains("/faults/"))
                .isEmpty();
        assertThat(afterwards).contains("done\n", "Initializing");
    }
}
