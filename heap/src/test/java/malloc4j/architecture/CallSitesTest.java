package malloc4j.architecture;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.constant.ConstantDescs;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Lambdas, method references and joined texts are made at a call site that the JVM links when it is first met: where
/// the Java heap is full or the stack nearly so, that throws in the middle of a call, and again whenever it is tried.
class CallSitesTest {
    /// Classes on the slow ways of malloc and free, of statistics, and of an arena's close.
    private static final List<String> SLOW_WAYS = List.of(
            "ArenaChunk",
            "ArenaChunks",
            "HeapLimits",
            "internal.region.AddressShare",
            "internal.region.BreakClaims",
            "internal.region.HugeBlocks",
            "internal.route.Home",
            "internal.route.HugeHome",
            "internal.route.LargeHome",
            "internal.route.Route",
            "internal.route.SlabHome",
            "internal.route.Tenants",
            "internal.span.Extent",
            "internal.span.Extents",
            "internal.span.LargeBlock",
            "internal.span.Spans");

    @Test
    void theSlowWaysLinkNoCallSite() throws Exception {
        List<String> found = new ArrayList<>();
        for (String name : SLOW_WAYS) {
            ClassModel read = read("malloc4j/" + name.replace('.', '/') + ".class");
            for (MethodModel method : read.methods()) {
                if (!method.methodName().equalsString(ConstantDescs.CLASS_INIT_NAME)) {
                    method.code().ifPresent(code -> code.elementStream()
                            .filter(CallSitesTest::isCallSite)
                            .forEach(unused -> found.add(name + "." + method.methodName())));
                }
            }
        }
        assertThat(found).isEmpty();
    }

    private static ClassModel read(String path) throws Exception {
        ClassLoader loader = requireNonNull(CallSitesTest.class.getClassLoader());
        try (InputStream file = requireNonNull(loader.getResourceAsStream(path), path)) {
            return ClassFile.of().parse(file.readAllBytes());
        }
    }

    private static boolean isCallSite(CodeElement element) {
        return element instanceof InvokeDynamicInstruction;
    }
}
