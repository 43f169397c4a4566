package malloc4j.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaFieldAccess;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.domain.properties.HasModifiers;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import malloc4j.Heap;
import malloc4j.internal.os.SystemCalls;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// The layers of docs/architecture.md, read from the compiled classes.
///
/// A package imports only from packages below it. A new package must be given its place in [#BOTTOM_UP].
class LayersTest {

    /// Every package of the heap, the lowest first.
    private static final List<String> BOTTOM_UP = List.of(
            "malloc4j.internal.memory",
            "malloc4j.observe",
            "malloc4j.bytes",
            "malloc4j.internal.os",
            "malloc4j.internal.region",
            "malloc4j.internal.span",
            "malloc4j.internal.slab",
            "malloc4j.internal.cache",
            "malloc4j.internal.trace",
            "malloc4j.internal.sample",
            "malloc4j.internal.route",
            "malloc4j.internal.proc",
            "malloc4j.process",
            "malloc4j.linux",
            "malloc4j",
            "malloc4j.alloc");

    /// The classes of a heap's caches, the lowest first.
    private static final List<String> CACHE_BOTTOM_UP = List.of(
            "Magazine",
            "Sampling",
            "Countdowns",
            "ThreadTable",
            "PurgerLoop",
            "Purger",
            "LargeStock",
            "CacheTags",
            "ThreadCache",
            "CacheTable",
            "CacheRegistry",
            "Reclaimer");

    /// Dereferences addresses.
    private static final String RAW_MEMORY = "malloc4j.internal.memory.RawMemory";

    /// The warm malloc and free: dereferences by the handles of RawMemory.
    private static final String MAGAZINE = "malloc4j.internal.cache.Magazine";

    private static final String CACHE_TABLE = "malloc4j.internal.cache.CacheTable";

    /// Reads errno from the linker's capture state, and libc's version from a string of libc's.
    private static final String LINUX_CALLS = "malloc4j.internal.os.LinuxCalls";

    /// Keeps the segments of that capture state.
    private static final String CAPTURE_BUFFERS = "malloc4j.internal.os.CaptureBuffers";
    /// Keeps the segment that the garbage collector gives back.
    private static final String COLLECTED_MEMORY = "malloc4j.internal.memory.CollectedMemory";

    private static final String LIVENESS_LOCKS = "malloc4j.internal.os.LivenessLocks";

    /// Has room for the answer of `mincore`.
    private static final String RESIDENCY = "malloc4j.internal.region.Residency";

    /// Take the segment that `posixMemalign` writes its result to.
    private static final String MALLOC = "malloc4j.Malloc";
    private static final String C_FAMILY = "malloc4j.CFamily";

    /// Hand out blocks as segments with a scope, which RawMemory makes for them.
    private static final String HEAP = "malloc4j.Heap";

    private static final String HEAP_ARENA = "malloc4j.HeapArena";

    /// The arenas of a heap, and what they share.
    private static final Set<String> ARENAS = Set.of(
            HEAP_ARENA,
            "malloc4j.ArenaBlockList",
            "malloc4j.ArenaBlocks",
            "malloc4j.ArenaChunk",
            "malloc4j.ArenaChunks",
            "malloc4j.AutomaticArenas");

    /// The levels from where memory comes from to what a heap asks.
    private static final String[] BELOW_A_HEAP = {
        "malloc4j.internal.region",
        "malloc4j.internal.span",
        "malloc4j.internal.slab",
        "malloc4j.internal.cache",
        "malloc4j.internal.sample",
        "malloc4j.internal.route"
    };

    /// Says that it is Linux's calls, clock and threads where nobody has chosen; and whose thread outlives the library,
    /// by a call that does not keep it.
    private static final Set<String> GROUND_AND_KERNEL =
            Set.of("malloc4j.internal.region.Ground", "malloc4j.internal.cache.Purger");

    /// Hand out memory as segments: that is what these packages are for.
    private static final Set<String> SEGMENT_PACKAGES = Set.of("malloc4j.linux", "malloc4j.alloc", "malloc4j.bytes");

    private static final JavaClasses HEAP_CLASSES =
            new ClassFileImporter().withImportOption(LayersTest::isBesideHeap).importPackages("malloc4j");

    private static boolean isBesideHeap(Location location) {
        return location.contains(
                Heap.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    }

    @Test
    void everyLayerHasClasses() {
        for (String layer : BOTTOM_UP) {
            assertThat(classesIn(layer)).as("classes of %s", layer).isNotEmpty();
        }
        assertThat(HEAP_CLASSES.contain(RAW_MEMORY)).as(RAW_MEMORY).isTrue();
    }

    @Test
    void everyClassIsInALayer() {
        Set<String> packages =
                HEAP_CLASSES.stream().map(JavaClass::getPackageName).collect(Collectors.toSet());
        packages.remove(""); // module-info
        assertThat(BOTTOM_UP).containsAll(packages);
    }

    @Test
    void contributingListsTheLayers() throws IOException {
        Path page = Path.of(System.getProperty("basedir", ".")).resolve("../CONTRIBUTING.md");
        List<String> listed = Files.readAllLines(page).stream()
                .filter(line -> line.startsWith("  malloc4j"))
                .map(line -> line.strip().split(" ", 2)[0])
                .toList();
        assertThat(listed.reversed()).isEqualTo(BOTTOM_UP);
    }

    @TestFactory
    List<DynamicTest> importsOnlyFromBelow() {
        return BOTTOM_UP.stream()
                .map(layer -> DynamicTest.dynamicTest(layer, () -> noClasses()
                        .that()
                        .resideInAPackage(layer)
                        .should()
                        .dependOnClassesThat(above(layer))
                        .check(HEAP_CLASSES)))
                .toList();
    }

    /// What reclaims is above what caches.
    @Test
    void theClassesOfTheCachesKnowOnlyThoseBelow() {
        assertOrder("malloc4j.internal.cache", CACHE_BOTTOM_UP);
    }

    /// A heap makes arenas; these know what it shows them of itself.
    @Test
    void arenasKnowNoHeap() {
        for (String type : ARENAS) {
            assertThat(HEAP_CLASSES.contain(type)).as(type).isTrue();
        }
        noClasses()
                .that(describe("are arenas", type -> ARENAS.contains(outermost(type))))
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName(HEAP)
                .check(HEAP_CLASSES);
    }

    /// Nested classes count as the class that they are in; constants that javac copies do not count.
    private static void assertOrder(String layer, List<String> bottomUp) {
        Set<String> found = classesIn(layer).stream()
                .map(type -> outermost(type).substring(layer.length() + 1))
                .collect(Collectors.toSet());
        assertThat(bottomUp).as("classes of %s", layer).containsExactlyInAnyOrderElementsOf(found);
        List<String> upward = classesIn(layer).stream()
                .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
                .map(dependency -> List.of(
                        outermost(dependency.getOriginClass().getBaseComponentType()),
                        outermost(dependency.getTargetClass().getBaseComponentType())))
                .filter(pair ->
                        found.contains(simple(layer, pair.getFirst())) && found.contains(simple(layer, pair.getLast())))
                .filter(pair -> bottomUp.indexOf(simple(layer, pair.getFirst()))
                        < bottomUp.indexOf(simple(layer, pair.getLast())))
                .map(pair -> simple(layer, pair.getFirst()) + " knows " + simple(layer, pair.getLast()))
                .distinct()
                .sorted()
                .toList();
        assertThat(upward).isEmpty();
    }

    /// The name without the package, if it is in that.
    private static String simple(String layer, String name) {
        return name.startsWith(layer + ".") ? name.substring(layer.length() + 1) : name;
    }

    /// What a class of another module sees, it can also name: javac's warning of this, `exports`, is off in the build.
    @Test
    void publicSignaturesMentionPublicTypesOnly() {
        List<String> hidden = HEAP_CLASSES.stream()
                .filter(LayersTest::isExported)
                .flatMap(LayersTest::signatures)
                .flatMap(signature -> signature.mentioned().stream()
                        .map(JavaClass::getBaseComponentType)
                        .filter(type -> type.getPackageName().startsWith("malloc4j") && !isExported(type))
                        .map(type -> signature.where() + " mentions " + type.getName()))
                .distinct()
                .sorted()
                .toList();
        assertThat(hidden).isEmpty();
    }

    @Test
    void needsOnlyJavaBase() {
        noClasses().should().dependOnClassesThat(outsideJavaBase()).check(HEAP_CLASSES);
    }

    /// Files, locks and limits are for those who need no heap.
    @Test
    void aHeapMakesTheCallsForMemoryOnly() {
        noClasses()
                .that()
                .resideInAnyPackage(BELOW_A_HEAP)
                .should()
                .dependOnClassesThat()
                .areAssignableTo(SystemCalls.class)
                .orShould()
                .callMethod(System.class, "nanoTime")
                .check(HEAP_CLASSES.that(not(describe(
                        "choose what the process stands on", type -> GROUND_AND_KERNEL.contains(outermost(type))))));
    }

    @Test
    void noUnsafeAndNoNetwork() {
        noClasses()
                .should()
                .dependOnClassesThat(describe(
                        "are the JDK's own, or of the network",
                        each -> !each.getName().equals("java.net.URI") // which tells a path's bytes
                                && !each.getName().equals("java.net.URL") // and this and the next for the purger's loop
                                && !each.getName().equals("java.net.URLClassLoader")
                                && resideInAnyPackage("sun..", "jdk.internal..", "java.net..", "javax.net..")
                                        .test(each)))
                .check(HEAP_CLASSES);
    }

    @Test
    void fewClassesKnowSegments() {
        noClasses()
                .that(areNot(
                        RAW_MEMORY,
                        COLLECTED_MEMORY,
                        LINUX_CALLS,
                        CAPTURE_BUFFERS,
                        LIVENESS_LOCKS,
                        RESIDENCY,
                        MALLOC,
                        C_FAMILY,
                        HEAP,
                        HEAP_ARENA))
                .and(areNotIn(SEGMENT_PACKAGES))
                .should()
                .dependOnClassesThat()
                .areAssignableTo(MemorySegment.class)
                .check(HEAP_CLASSES);
    }

    @Test
    void onlyRawMemoryDereferences() {
        noClasses()
                .that(areNot(RAW_MEMORY, LINUX_CALLS, C_FAMILY))
                .and(areNotIn(SEGMENT_PACKAGES))
                .should()
                .accessTargetWhere(callsSegment("reads or writes through a segment", "get", "set", "copy", "fill"))
                .check(HEAP_CLASSES);
    }

    @Test
    void onlyTheWarmPathUsesTheHandlesOfRawMemory() {
        noClasses()
                .that(areNot(RAW_MEMORY, MAGAZINE, CACHE_TABLE))
                .should()
                .accessTargetWhere(describe(
                        "uses a field of RawMemory",
                        access -> access instanceof JavaFieldAccess
                                && access.getTargetOwner().getName().equals(RAW_MEMORY)))
                .check(HEAP_CLASSES);
    }

    @Test
    void onlyRawMemoryMakesSegmentsOfAddresses() {
        noClasses()
                .that(areNot(RAW_MEMORY, LINUX_CALLS))
                .should()
                .accessTargetWhere(callsSegment("makes a segment of an address", "reinterpret"))
                .check(HEAP_CLASSES);
    }

    /// Where a type is mentioned, and which.
    private record Signature(String where, Set<JavaClass> mentioned) {}

    /// Whether another module can name it: public, in public classes only, in a package that module-info exports.
    private static boolean isExported(JavaClass type) {
        return !type.getPackageName().contains(".internal")
                && isSeen(type)
                && type.getEnclosingClass().map(LayersTest::isExported).orElse(true);
    }

    /// Protected counts, as a subclass may be another's.
    private static boolean isSeen(HasModifiers declared) {
        Set<JavaModifier> modifiers = declared.getModifiers();
        return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
    }

    /// Of the class itself, what it extends and implements; of its members that others see, inherited ones too, all
    /// types with their type arguments and bounds, and what they throw.
    private static Stream<Signature> signatures(JavaClass type) {
        Stream<Set<JavaClass>> head = Stream.concat(
                        Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream()),
                        type.getTypeParameters().stream())
                .map(JavaType::getAllInvolvedRawTypes);
        Stream<Signature> fields = type.getAllFields().stream()
                .filter(LayersTest::isSeen)
                .map(field -> new Signature(field.getFullName(), field.getAllInvolvedRawTypes()));
        Stream<Signature> methods = Stream.<JavaCodeUnit>concat(
                        type.getConstructors().stream(), type.getAllMethods().stream())
                .filter(LayersTest::isSeen)
                .flatMap(method -> Stream.of(
                        new Signature(method.getFullName(), method.getAllInvolvedRawTypes()),
                        new Signature(method.getFullName(), Set.copyOf(method.getExceptionTypes()))));
        return Stream.concat(
                head.map(mentioned -> new Signature(type.getFullName(), mentioned)), Stream.concat(fields, methods));
    }

    private static List<JavaClass> classesIn(String layer) {
        return HEAP_CLASSES.stream()
                .filter(type -> type.getPackageName().equals(layer))
                .filter(type -> !type.getSimpleName().equals("package-info"))
                .toList();
    }

    /// JSpecify's annotations do not count: nothing loads them.
    private static DescribedPredicate<JavaClass> outsideJavaBase() {
        Set<String> javaBase = Object.class.getModule().getPackages();
        return describe("are neither ours nor in java.base", type -> {
            JavaClass element = type.getBaseComponentType();
            String name = element.getPackageName();
            return !element.isPrimitive()
                    && !name.startsWith("malloc4j")
                    && !name.equals("org.jspecify.annotations")
                    && !javaBase.contains(name);
        });
    }

    private static DescribedPredicate<JavaClass> above(String layer) {
        List<String> higher = BOTTOM_UP.subList(BOTTOM_UP.indexOf(layer) + 1, BOTTOM_UP.size());
        return describe("reside above " + layer, type -> higher.contains(type.getPackageName()));
    }

    /// Nested classes count as the class that they are in.
    private static DescribedPredicate<JavaClass> areNot(String... names) {
        Set<String> allowed = Set.of(names);
        return not(describe("are " + allowed, type -> allowed.contains(outermost(type))));
    }

    private static DescribedPredicate<JavaClass> areNotIn(Set<String> packages) {
        return not(describe("are in " + packages, type -> packages.contains(type.getPackageName())));
    }

    private static String outermost(JavaClass type) {
        return type.getEnclosingClass().map(LayersTest::outermost).orElseGet(type::getName);
    }

    /// Calls of a segment's methods whose names begin so: `getAtIndex` begins with `get`.
    private static DescribedPredicate<JavaAccess<?>> callsSegment(String description, String... prefixes) {
        return describe(description, access -> {
            String method = access.getTarget().getName();
            return access.getTargetOwner().isAssignableTo(MemorySegment.class)
                    && List.of(prefixes).stream().anyMatch(method::startsWith);
        });
    }
}
