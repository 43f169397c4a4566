package malloc4j.purge;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// The purger's thread: what it takes from others, what it survives, and when it ends. Twelve class loaders by default,
/// and 160 with `-Dtest.loaders=160`; a Java heap that is full for half a second, or longer by
/// `-Dtest.fullMillis`.
@Tag("proof")
class PurgerThreadTest {
    private static final ChildJvm SMALL = ChildJvm.small("-Xlog:disable");

    @Test
    void theThreadInheritsNothingFromTheFirstCaller() throws Exception {
        assertThat(SMALL.run(PurgerChild.class, "inherits nothing")).contains("passed");
    }

    @Test
    void memoryGoesBackAfterTheJavaHeapWasFull() throws Exception {
        String millis = System.getProperty("test.fullMillis", "500");
        assertThat(SMALL.run(PurgerChild.class, "full", millis)).contains("passed");
    }

    @Test
    void theThreadEndsWithoutHeapsAndComesBackWithTheNext() throws Exception {
        assertThat(SMALL.run(PurgerChild.class, "comes back")).contains("passed");
    }

    @Test
    void whatALoaderTookGoesWhenItGoes() throws Exception {
        String count = System.getProperty("test.loaders", "12");
        assertThat(SMALL.run(PurgerChild.class, "loaders", count)).contains("passed");
    }
}
