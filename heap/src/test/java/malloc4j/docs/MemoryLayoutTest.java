package malloc4j.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import malloc4j.internal.slab.Slab;
import org.junit.jupiter.api.Test;

/// Compares the tables of docs/memory-layout.md with the constants in the code.
class MemoryLayoutTest {
    private static final Pattern FIELD =
            Pattern.compile("^\\| ([\\d,]+) \\| (\\d+) \\| `(\\w+)\\.(\\w+)` \\|", Pattern.MULTILINE);
    private static final Pattern CONSTANT =
            Pattern.compile("^\\| `(\\w+)\\.(\\w+)` \\| ([\\d,]+) \\|", Pattern.MULTILINE);
    private static final String PAGE = Documents.read("docs/memory-layout.md");

    @Test
    void offsetsAreThoseOfTheCode() throws IllegalAccessException {
        List<MatchResult> fields = FIELD.matcher(PAGE).results().toList();
        assertThat(fields).hasSizeGreaterThan(15);
        for (MatchResult field : fields) {
            assertThat(Documents.constant(field.group(3), field.group(4)))
                    .as(field.group())
                    .isEqualTo(number(field.group(1)));
        }
    }

    @Test
    void headerFieldsFollowEachOtherAndEndBeforeTheBody() throws IllegalAccessException {
        long end = 0;
        for (MatchResult field : FIELD.matcher(PAGE).results().toList()) {
            assertThat(number(field.group(1))).as(field.group()).isEqualTo(end);
            end += number(field.group(2));
        }
        assertThat(end).isLessThanOrEqualTo(Documents.constant("ChunkMap", "BODY"));
    }

    @Test
    void everyOffsetOfTheSlabIsInTheTable() throws IllegalAccessException {
        for (String name : List.of("TAG", "HEAP", "QUEUED")) {
            assertThat(PAGE).contains("`ChunkMap." + name + "`");
        }
        for (var field : Slab.class.getDeclaredFields()) {
            if (field.getType() == int.class) {
                assertThat(PAGE).contains("`Slab." + field.getName() + "`");
            }
        }
    }

    @Test
    void constantsAreThoseOfTheCode() throws IllegalAccessException {
        List<MatchResult> constants = CONSTANT.matcher(PAGE).results().toList();
        assertThat(constants).hasSizeGreaterThan(25);
        for (MatchResult constant : constants) {
            assertThat(Documents.constant(constant.group(1), constant.group(2)))
                    .as(constant.group())
                    .isEqualTo(number(constant.group(3)));
        }
    }

    private static long number(String text) {
        return Long.parseLong(text.replace(",", ""));
    }
}
