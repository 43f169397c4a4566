package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The first frees, requests, trims of a process come when its Java heap is full: nothing of the library and of the JDK
/// was used before that the making of a heap has not used. One amount of room each by default, thirty by
/// `-Dtest.long`.
class ColdHeapTest {
    private static final boolean LONG = Boolean.getBoolean("test.long");
    private static final int ROOM = 40;
    private static final int LONG_STEPS = 30;

    @ParameterizedTest
    @CsvSource({"FREE", "FREE_FROM_ANOTHER_THREAD", "MALLOC", "REALLOC", "TRIM", "ARENA", "STATISTICS"})
    void firstUseInAFullJavaHeapLosesNothing(ColdHeapChild.Use use) throws Exception {
        for (int step = 0; step < (LONG ? LONG_STEPS : 1); step++) {
            int room = LONG ? step * step * 16 : ROOM;
            String printed =
                    ChildJvm.small("-Xms9m", "-Xmx9m").run(ColdHeapChild.class, use.name(), String.valueOf(room));
            assertThat(printed).as("%s with %,d bytes of room", use, room).endsWith("done\n");
        }
    }
}
