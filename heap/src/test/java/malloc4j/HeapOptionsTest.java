package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.time.Duration;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeapOptionsTest {
    private static Properties properties(String... pairs) {
        Properties properties = new Properties();
        for (int index = 0; index < pairs.length; index += 2) {
            properties.setProperty("malloc4j." + pairs[index], pairs[index + 1]);
        }
        return properties;
    }

    @Test
    void theDefaultsAreThoseOfTheTable() {
        HeapOptions options = HeapOptions.defaults();
        assertThat(options.source()).isEqualTo(MemorySource.MMAP);
        assertThat(options.mmapThresholdBytes()).isEqualTo(32L << 20);
        assertThat(options.trimThresholdBytes()).isEqualTo(256L << 10);
        assertThat(options.purgeDelay()).isEqualTo(Duration.ofSeconds(1));
        assertThat(options.softLimitBytes()).isEqualTo(Long.MAX_VALUE);
        assertThat(options.hardLimitBytes()).isEqualTo(Long.MAX_VALUE);
        assertThat(options.brkClaimBytes()).isEqualTo(256L << 20);
        assertThat(options.parent()).isNull();
        assertThat(options.onSoftLimit()).isNull();
        assertThat(options.file()).isNull();
        assertThat(HeapOptions.builder().build()).isEqualTo(options);
        assertThat(options.toBuilder().build()).isEqualTo(options);
    }

    @Test
    void withoutPropertiesTheCommonHeapHasTheDefaults() {
        assertThat(HeapOptions.fromProperties(new Properties()))
                .isEqualTo(HeapOptions.builder().name("common").build());
    }

    @Test
    void everyPropertyIsRead() {
        HeapOptions options = HeapOptions.fromProperties(properties(
                "source",
                "shared-memory",
                "mmapThresholdBytes",
                "1048576",
                "trimThresholdBytes",
                " 0 ",
                "purgeDelayMillis",
                "-5",
                "softLimitBytes",
                "10",
                "hardLimitBytes",
                "20",
                "brkClaimBytes",
                "4194304"));
        assertThat(options)
                .isEqualTo(HeapOptions.builder()
                        .name("common")
                        .source(MemorySource.SHARED_MEMORY)
                        .mmapThresholdBytes(1 << 20)
                        .trimThresholdBytes(0)
                        .purgeDelay(Duration.ofMillis(-5))
                        .softLimitBytes(10)
                        .hardLimitBytes(20)
                        .brkClaimBytes(4 << 20)
                        .build());
    }

    @ParameterizedTest
    @CsvSource({"mmap,MMAP", "brk,BRK", "HUGE,HUGE", "hugetlb,HUGETLB", "Shared-Memory,SHARED_MEMORY"})
    void sourcesAreNamedInAnyCase(String text, MemorySource source) {
        assertThat(HeapOptions.fromProperties(properties("source", text)).source())
                .isEqualTo(source);
    }

    @Test
    void aFileMakesTheSourceAFile() {
        HeapOptions options = HeapOptions.fromProperties(properties("file", "/tmp/x"));
        assertThat(options.source()).isEqualTo(MemorySource.FILE);
        assertThat(options.file()).isEqualTo("/tmp/x");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("source", "file")))
                .withMessage("option file=null goes with source=FILE only, and source is FILE");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.builder()
                        .file("/tmp/x")
                        .source(MemorySource.MMAP)
                        .build())
                .withMessage("option file=/tmp/x goes with source=FILE only, and source is MMAP");
    }

    @ParameterizedTest
    @CsvSource({
        "mmapThresholdBytes",
        "trimThresholdBytes",
        "purgeDelayMillis",
        "softLimitBytes",
        "hardLimitBytes",
        "brkClaimBytes"
    })
    void garbageNumbersAreRefusedByName(String option) {
        for (String garbage : new String[] {"", "x", "1k", "1.5", "99999999999999999999", "0x10"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> HeapOptions.fromProperties(properties(option, garbage)))
                    .withMessage("-Dmalloc4j." + option + "=" + garbage + " is not a whole number");
        }
    }

    @Test
    void anUnknownSourceIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("source", "sbrk")))
                .withMessage("-Dmalloc4j.source=sbrk is none of mmap, brk, huge, hugetlb, shared-memory, file");
    }

    @ParameterizedTest
    @CsvSource({
        "mmapThresholdBytes,32768,32769,70368744177664",
        "mmapThresholdBytes,-1,32769,70368744177664",
        "mmapThresholdBytes,70368744177665,32769,70368744177664",
        "trimThresholdBytes,-1,0,9223372036854775807",
        "softLimitBytes,-9223372036854775808,0,9223372036854775807",
        "hardLimitBytes,-1,0,9223372036854775807",
        "brkClaimBytes,2097151,2097152,17179869184",
        "brkClaimBytes,17179869185,2097152,17179869184"
    })
    void numbersOutOfRangeAreRefused(String option, long value, long min, long max) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties(option, Long.toString(value))))
                .withMessage("option " + option + "=" + value + " is not from " + min + " to " + max);
    }

    @Test
    @SuppressWarnings("NullAway")
    void nullsAreRefused() {
        assertThatNullPointerException()
                .isThrownBy(() -> HeapOptions.builder().name(null).build())
                .withMessage("name");
        assertThatNullPointerException()
                .isThrownBy(() -> HeapOptions.builder().source(null).build())
                .withMessage("source");
        assertThatNullPointerException()
                .isThrownBy(() -> HeapOptions.builder().purgeDelay(null).build())
                .withMessage("purgeDelay");
    }

    @Test
    void delaysBeyondNanosecondsAreTheLongest() {
        assertThat(HeapOptions.builder()
                        .purgeDelay(Duration.ofSeconds(Long.MAX_VALUE))
                        .build()
                        .purgeDelayNanos())
                .isEqualTo(Long.MAX_VALUE);
        assertThat(HeapOptions.builder()
                        .purgeDelay(Duration.ofSeconds(Long.MIN_VALUE))
                        .build()
                        .purgeDelayNanos())
                .isNegative();
        assertThat(HeapOptions.defaults().purgeDelayNanos()).isEqualTo(1_000_000_000);
    }
}
