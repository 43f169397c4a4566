package malloc4j.internal.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ErrnoTest {
    @Test
    void namesNumbersAndResults() {
        assertThat(Errno.name(12)).isEqualTo("ENOMEM");
        assertThat(Errno.name(-12)).isEqualTo("ENOMEM");
        assertThat(Errno.name(-4095)).isEqualTo("errno 4095");
        assertThat(Errno.name(0)).isEqualTo("errno 0");
    }

    @Test
    void everyConstantHasItsNameAndAMeaning() throws IllegalAccessException {
        for (Field field : Errno.class.getFields()) {
            assertThat(Modifier.isStatic(field.getModifiers())).isTrue();
            assertThat(Errno.name(field.getInt(null))).isEqualTo(field.getName());
            assertThat(Errno.meaning(-field.getInt(null)))
                    .as(field.getName())
                    .isNotEqualTo("unknown error")
                    .doesNotEndWith(".");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -5_000_000_000L, 5_000_000_000L, Long.MAX_VALUE, 4096, -4096})
    void whatIsNoErrnoHasNoMeaning(long number) {
        assertThat(Errno.name(number)).startsWith("errno ");
        assertThat(Errno.meaning(number)).isEqualTo("unknown error");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, -12, -4095})
    void resultsOfTheLastPageAreErrors(long result) {
        assertThat(Errno.isError(result)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 4095, -4096, Long.MIN_VALUE, Long.MAX_VALUE, 0x7fff_ffff_f000L})
    void allOthersAreValues(long result) {
        assertThat(Errno.isError(result)).isFalse();
    }
}
