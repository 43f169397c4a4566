package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.faults.ChildJvm;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.PageGeometry;
import malloc4j.misuse.Guarantee.Place;
import malloc4j.misuse.Guarantee.Proved;
import malloc4j.misuse.Guarantee.Tried;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.commons.annotation.Testable;
import org.junit.platform.commons.support.AnnotationSupport;

/// Tries every bad input of [Guarantees] in each mode, and keeps `docs/guarantees.md` equal to that table.
///
/// `mvn -pl heap test -Dtest=GuaranteesTest -Ddocs.regenerate=true` writes the file anew.
class GuaranteesTest {
    private static final Path FILE = Path.of(System.getProperty("basedir", ".")).resolve("../docs/guarantees.md");

    private static final int TURNS = 2;
    private static final int TURNS_OF_CHANCE = 64; // for what has two outcomes of the same chance
    private static final int CHILDREN_AT_ONCE = 2;
    private static final ChildJvm CHILD = ChildJvm.small("-XX:TieredStopAtLevel=1");
    private static final Pattern FAULT = Pattern.compile("si_addr: (0x[0-9a-f]+)");

    /// The cases that are tried in JVMs of their own, by mode and case.
    private static final Map<String, FutureTask<Boolean>> IN_CHILDREN = new LinkedHashMap<>();

    @TempDir
    private static Path folder = Path.of("");

    static Stream<Arguments> tried() {
        return Arrays.stream(Mode.values()).flatMap(mode -> Guarantees.all().stream()
                .filter(Tried.class::isInstance)
                .map(each -> Arguments.of(mode, each)));
    }

    static Stream<Proved> proved() {
        return Guarantees.all().stream().filter(Proved.class::isInstance).map(Proved.class::cast);
    }

    @ParameterizedTest
    @MethodSource("tried")
    void badInputIsToldOrHarmlessAsTheTableSays(Mode mode, Tried tried) throws Exception {
        TestKernel.assumePagesOf4KiB(); // on larger ones what lies beside a block may be no memory at all
        if (IN_CHILDREN.isEmpty()) {
            startChildren();
        }
        FutureTask<Boolean> inChild = IN_CHILDREN.get(mode + " " + tried);
        if (inChild != null) {
            assertThat(inChild.get()).isTrue();
        } else {
            FutureTask<Boolean> here = new FutureTask<>(() -> takeTurns(mode, tried));
            Thread.ofPlatform().start(here); // whose stack is short: guarded blocks keep stacks
            assertThat(here.get()).isTrue();
        }
    }

    /// Starts the JVMs that cases need, two at once, while the other cases are tried here.
    private static void startChildren() {
        tried().forEach(each -> {
            Mode mode = (Mode) each.get()[0];
            Tried tried = (Tried) each.get()[1];
            if (tried.place() == Place.CHILD || tried.endsTheJvm(mode)) {
                Path concerned = folder.resolve(Integer.toString(IN_CHILDREN.size()));
                FutureTask<Boolean> task = new FutureTask<>(() -> tryInChild(mode, tried, concerned));
                IN_CHILDREN.put(mode + " " + tried, task);
            }
        });
        List<FutureTask<Boolean>> tasks = List.copyOf(IN_CHILDREN.values());
        for (int index = 0; index < CHILDREN_AT_ONCE; index++) {
            Thread.ofPlatform().daemon().start(() -> tasks.forEach(FutureTask::run)); // each task runs once
        }
    }

    /// Tries a case in a JVM of its own.
    ///
    /// @param concerned where the child leaves the address that the case is about
    private static boolean tryInChild(Mode mode, Tried tried, Path concerned) throws Exception {
        String[] arguments = {mode.name(), tried.toString(), concerned.toString()};
        if (!tried.endsTheJvm(mode)) {
            assertThat(CHILD.run(GuaranteesChild.class, arguments)).endsWith("done\n");
            return true;
        }
        String text = CHILD.crash(GuaranteesChild.class, arguments);
        assertThat(text).contains("(" + tried.told(mode).getFirst().words() + ")");
        Matcher fault = FAULT.matcher(text);
        assertThat(fault.find()).as(text).isTrue();
        assertThat(pageOf(fault.group(1))).isEqualTo(pageOf(Files.readString(concerned)));
        return true;
    }

    private static boolean takeTurns(Mode mode, Tried tried) throws Exception {
        List<Told> certain = tried.told(mode).stream().filter(Told::isCertain).toList();
        int turns = certain.size() > 1 ? TURNS_OF_CHANCE : TURNS;
        Set<Told> seen = new HashSet<>();
        try (Scene scene = new Scene(mode)) {
            for (int turn = 0; turn < turns && (turn < TURNS || !seen.containsAll(certain)); turn++) {
                scene.begin();
                Seen now = Seen.in(scene, tried.act());
                Told told = tried.told(mode).stream()
                        .filter(each -> each.matches(now))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError(tried + " in mode " + mode + ": " + now));
                seen.add(told);
                scene.heap().verify();
            }
        }
        if (certain.size() > 1) {
            assertThat(seen).containsAll(certain);
        }
        return true;
    }

    private static long pageOf(String address) {
        return Long.decode(address) / PageGeometry.PAGE_BYTES;
    }

    @ParameterizedTest
    @EnumSource
    void everyGroupHasItsCases(Group group) {
        assertThat(Guarantees.of(group)).isNotEmpty();
        assertThat(Guarantees.of(group)).anyMatch(Tried.class::isInstance);
    }

    @Test
    void everyCaseHasANameOfItsOwn() {
        assertThat(Guarantees.all().stream().map(Guarantee::toString)).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @MethodSource("proved")
    void theTestsThatACaseNamesAreThere(Proved proved) throws ClassNotFoundException {
        assertThat(proved.tests()).isNotEmpty();
        for (String test : proved.tests()) {
            String[] parts = test.split("#", -1);
            assertThat(Class.forName(parts[0]).getDeclaredMethods())
                    .as(test)
                    .anyMatch(method -> isTest(method, parts[1]));
        }
    }

    private static boolean isTest(Method method, String name) {
        return method.getName().equals(name) && AnnotationSupport.isAnnotated(method, Testable.class);
    }

    @Test
    void theDocumentIsTheGeneratedOne() throws IOException {
        String generated = Guarantees.page();
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.writeString(FILE, generated);
        }
        assertThat(Files.readString(FILE))
                .as("docs/guarantees.md is out of date: run this test with -Ddocs.regenerate=true")
                .isEqualTo(generated);
    }
}
