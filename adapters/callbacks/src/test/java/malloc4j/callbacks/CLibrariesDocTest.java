package malloc4j.callbacks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// docs/c-libraries.md has every library that there is a method for, and no function that there is not.
class CLibrariesDocTest {
    private static final Path PAGE = Path.of("../../docs/c-libraries.md");
    private static final Pattern FUNCTION = Pattern.compile("`([A-Z]+_?[A-Z_]*)`");
    private static final List<String> OTHERS = List.of("NULL", "ENOMEM");

    @Test
    void eachMethodIsNamed() throws IOException {
        String page = Files.readString(PAGE);
        for (Class<?> type : List.of(ProcessHooks.class, ObjectHooks.class)) {
            for (Method method : type.getDeclaredMethods()) {
                if (Modifier.isPublic(method.getModifiers())
                        && !method.getName().equals("freetypeMemory")) {
                    assertThat(page).contains("`" + method.getName() + "`");
                }
            }
        }
    }

    @Test
    void eachFunctionForOtherLibrariesExists() throws IOException {
        String page = Files.readString(PAGE);
        String others = page.substring(page.indexOf("## Any other library"), page.indexOf("## What may go wrong"));
        List<String> named = FUNCTION.matcher(others)
                .results()
                .map((MatchResult found) -> found.group(1))
                .filter(name -> !OTHERS.contains(name))
                .toList();
        assertThat(named).hasSizeGreaterThan(10);
        assertThat(CFunction.values()).extracting(Enum::name).containsAll(named);
    }
}
