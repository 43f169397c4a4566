package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        assertThat(options.memory().source()).isEqualTo(MemorySource.MMAP);
        assertThat(options.memory().mmapThresholdBytes()).isEqualTo(32L << 20);
        assertThat(options.purging().trimThresholdBytes()).isEqualTo(256L << 10);
        assertThat(options.purging().purgeDelay()).isEqualTo(Duration.ofSeconds(1));
        assertThat(options.limits().softLimitBytes()).isEqualTo(Long.MAX_VALUE);
        assertThat(options.limits().hardLimitBytes()).isEqualTo(Long.MAX_VALUE);
        assertThat(options.memory().brkClaimBytes()).isEqualTo(256L << 20);
        assertThat(options.limits().parent()).isNull();
        assertThat(options.limits().onSoftLimit()).isNull();
        assertThat(options.memory().file()).isNull();
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
        assertThat(HeapOptions.fromProperties(properties("source", text))
                        .memory()
                        .source())
                .isEqualTo(source);
    }

    @Test
    void aFileMakesTheSourceAFile() {
        HeapOptions options = HeapOptions.fromProperties(properties("file", "/tmp/x"));
        assertThat(options.memory().source()).isEqualTo(MemorySource.FILE);
        assertThat(options.memory().file()).isEqualTo("/tmp/x");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("source", "file")))
                .withMessage("option file=null goes with source=FILE only, and source is FILE");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.builder()
                        .file("/tmp/x")
                        .source(MemorySource.MMAP)
                        .build())
                .withMessage("option file=/tmp/x goes with source=FILE only, and source is MMAP");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("source", "brk", "file", "/tmp/x")))
                .withMessage("option file=/tmp/x goes with source=FILE only, and source is BRK");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"mmapThresholdBytes", "trimThresholdBytes", "softLimitBytes", "hardLimitBytes", "brkClaimBytes"})
    void garbageSizesAreRefusedByName(String option) {
        for (String garbage :
                new String[] {"", "x", "1.5", "0x10", "M", "64MB", "64P", "1 M", "+1", "- 1", "1M1", "٣"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> HeapOptions.fromProperties(properties(option, garbage)))
                    .withMessage("-Dmalloc4j." + option + "=" + garbage + " is no size: a whole number of bytes, or of"
                            + " K, M, G or T (times 1024, each of the one before)");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "1k", "1.5", "99999999999999999999", "1s"})
    void aGarbageDelayIsRefusedByName(String garbage) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("purgeDelayMillis", garbage)))
                .withMessage("-Dmalloc4j.purgeDelayMillis=" + garbage + " is not a whole number");
    }

    @ParameterizedTest
    @CsvSource({
        "0,0",
        "1024,1024",
        "64K,65536",
        "64k,65536",
        "64M,67108864",
        "64MiB,67108864",
        "64mib,67108864",
        "' 3G ',3221225472",
        "1gIb,1073741824",
        "2T,2199023255552",
        "8388607T,9223370937343148032",
        "9007199254740991K,9223372036854774784",
        "9223372036854775807,9223372036854775807"
    })
    void sizesTakeUnitsOf1024InEveryLocale(String text, long byteSize) {
        Locale before = Locale.getDefault();
        try {
            for (String tag : new String[] {"en", "tr", "ar-EG", "hi-IN"}) {
                Locale.setDefault(Locale.forLanguageTag(tag));
                assertThat(HeapOptions.fromProperties(properties("hardLimitBytes", text))
                                .limits()
                                .hardLimitBytes())
                        .isEqualTo(byteSize);
            }
        } finally {
            Locale.setDefault(before);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"8388608T", "9007199254740992K", "99999999999999999999", "9223372036854775808", "-8388609T"})
    void sizesBeyondALongAreRefused(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("softLimitBytes", text)))
                .withMessage("-Dmalloc4j.softLimitBytes=" + text
                        + " does not fit into 63 bits: at most 9223372036854775807");
    }

    @ParameterizedTest
    @CsvSource({
        "hardLimitByte,hardLimitBytes",
        "hardlimitbytes,hardLimitBytes",
        "hard-limit-bytes,hardLimitBytes",
        "HARD_LIMIT,hardLimitBytes",
        "hradLimitBytes,hardLimitBytes",
        "heap.hardLimitBytes,hardLimitBytes",
        "soft,softLimitBytes",
        "purgeDelay,purgeDelayMillis",
        "purgeDelaySeconds,purgeDelayMillis",
        "mmapTreshold,mmapThresholdBytes",
        "Source,source",
        "sourec,source",
        "brkClaim,brkClaimBytes",
        "filename,file",
        "trim,trimThresholdBytes"
    })
    void anUnknownPropertyIsRefusedAndTheNearestOptionNamed(String name, String nearest) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties("softLimitBytes", "1", name, "64M")))
                .withMessageStartingWith("-Dmalloc4j." + name + "=64M is no option of a heap, the nearest is " + nearest
                        + " of file, source, mmapThresholdBytes, brkClaimBytes, purgeDelayMillis, trimThresholdBytes,"
                        + " softLimitBytes, hardLimitBytes, ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", ".", "x", "日本", "hardLimitBytes "})
    void everyUnknownPropertyIsRefusedHoweverFarFromAny(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.fromProperties(properties(name, "1")))
                .withMessageStartingWith("-Dmalloc4j." + name + "=1 is no option of a heap, the nearest is ");
    }

    @Test
    void propertiesOfOthersAreLeftAlone() {
        Properties properties = new Properties();
        properties.setProperty("malloc4jx", "1");
        properties.setProperty("malloc4j", "1");
        properties.setProperty("malloc4j-bench.threads", "1");
        properties.put("malloc4j.hardLimitBytes", 5); // no text, so no property
        assertThat(HeapOptions.fromProperties(properties))
                .isEqualTo(HeapOptions.builder().name("common").build());
    }

    @Test
    void itPrintsWhatIsNotTheDefault() {
        assertThat(HeapOptions.defaults()).hasToString("HeapOptions[heap]");
        assertThat(HeapOptions.builder()
                        .name("mine")
                        .purgeDelay(Duration.ofSeconds(-2))
                        .hardLimitBytes((3L << 20) + 1)
                        .softLimitBytes(3L << 20)
                        .mmapThresholdBytes(1L << 45)
                        .build())
                .hasToString("HeapOptions[mine, mmapThresholdBytes=32T, purgeDelayMillis=-2000, softLimitBytes=3M,"
                        + " hardLimitBytes=3145729]");
    }

    @Test
    void aBuilderTakesOptionsAsTexts() {
        assertThat(HeapOptions.builder()
                        .option("source", "brk")
                        .option("hardLimitBytes", "1g")
                        .option("purgeDelayMillis", "0")
                        .build())
                .isEqualTo(HeapOptions.builder()
                        .source(MemorySource.BRK)
                        .hardLimitBytes(1 << 30)
                        .purgeDelay(Duration.ZERO)
                        .build());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.builder().option("hardLimit", "1"))
                .withMessageStartingWith(
                        "option hardLimit=1 is no option of a heap, the nearest is hardLimitBytes of ");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HeapOptions.builder().option("hardLimitBytes", "all"))
                .withMessageStartingWith("option hardLimitBytes=all is no size: ");
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
                        .purging()
                        .purgeDelayNanos())
                .isEqualTo(Long.MAX_VALUE);
        assertThat(HeapOptions.builder()
                        .purgeDelay(Duration.ofSeconds(Long.MIN_VALUE))
                        .build()
                        .purging()
                        .purgeDelayNanos())
                .isNegative();
        assertThat(HeapOptions.defaults().purging().purgeDelayNanos()).isEqualTo(1_000_000_000);
    }
}
