package malloc4j.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.NewReferenceArrayInstruction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Keeps what GraalVM's native-image is told of this library equal to the compiled code: every signature that is
/// linked, with its options, and the classes that are looked up by name.
///
/// Signatures are read from the instructions that make them. `-Ddocs.regenerate=true` writes the file anew.
///
/// @source [Foreign Function and Memory API in Native
///     Image](https://www.graalvm.org/jdk25/reference-manual/native-image/native-code-interoperability/ffm-api)
class NativeImageMetadataTest {
    private static final Path FILE = Path.of(
            System.getProperty("basedir", "."),
            "src/main/resources/META-INF/native-image/io.github.malloc4j/malloc4j/reachability-metadata.json");

    private static final Map<String, String> TYPES =
            Map.of("JAVA_LONG", "jlong", "JAVA_INT", "jint", "ADDRESS", "void*");

    /// What `mallinfo2` and `mallinfo` return: their fields are not in the instructions.
    private static final List<String> STRUCTS = List.of(tenOf("jlong"), tenOf("jint"));

    private static final String STRUCT = "struct";

    private static String tenOf(String field) {
        return "struct(" + String.join(", ", Collections.nCopies(10, field)) + ")";
    }

    /// What one method links: signatures as lists of types, that of the result first.
    private static final class Links {
        final List<List<String>> signatures = new ArrayList<>();
        final List<String> options = new ArrayList<>();
        boolean isLinking;
    }

    private static List<ClassModel> classes() throws IOException {
        try (Stream<Path> files = Files.walk(Documents.CLASSES)) {
            return files.filter(file -> file.toString().endsWith(".class"))
                    .map(file -> {
                        try {
                            return ClassFile.of().parse(file);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    })
                    .toList();
        }
    }

    private static String outermost(ClassModel type) {
        return type.thisClass().asInternalName().split("\\$", 2)[0];
    }

    private static Links read(MethodModel method) {
        Links links = new Links();
        List<String> layouts = new ArrayList<>();
        Object constant = 0;
        int length = 0;
        for (CodeElement element : method.code().orElseThrow()) {
            switch (element) {
                case ConstantInstruction pushed -> constant = pushed.constantValue();
                case NewReferenceArrayInstruction array -> {
                    boolean ofLayouts = array.componentType().asInternalName().equals("java/lang/foreign/MemoryLayout");
                    length = ofLayouts ? (Integer) constant : length;
                }
                case FieldInstruction field -> {
                    String type = TYPES.get(field.name().stringValue());
                    if (type != null) {
                        layouts.add(type);
                    }
                }
                case InvokeInstruction call -> {
                    if (call.owner().asInternalName().startsWith("java/lang/foreign/")) {
                        note(call, links, layouts, length, constant);
                    }
                }
                default -> {
                    // pushes no layout
                }
            }
        }
        return links;
    }

    private static void note(InvokeInstruction call, Links links, List<String> layouts, int length, Object constant) {
        switch (call.name().stringValue()) {
            case "downcallHandle" -> links.isLinking = true;
            case "upcallStub" -> throw new AssertionError("an upcall: teach this test to read it");
            case "structLayout" -> layouts.add(STRUCT);
            case "of", "ofVoid" -> {
                if (call.owner().asInternalName().endsWith("/FunctionDescriptor")) {
                    boolean isStruct = layouts.getLast().equals(STRUCT);
                    int count = isStruct ? 1 : length + 1;
                    links.signatures.add(List.copyOf(layouts.subList(layouts.size() - count, layouts.size())));
                }
            }
            case "firstVariadicArg" -> links.options.add("\"firstVariadicArg\": " + constant);
            case "captureCallState" -> links.options.add("\"captureCallState\": true");
            case "critical" -> links.options.add("\"critical\": { \"allowHeapAccess\": " + constant.equals(1) + " }");
            default -> {
                // links nothing
            }
        }
    }

    /// One line for each signature, as the file has it.
    private static Set<String> downcalls(List<ClassModel> classes) {
        Map<String, List<Links>> byClass = new TreeMap<>();
        for (ClassModel type : classes) {
            for (MethodModel method : type.methods()) {
                if (method.code().isPresent()) {
                    byClass.computeIfAbsent(outermost(type), unused -> new ArrayList<>())
                            .add(read(method));
                }
            }
        }
        Set<String> lines = new TreeSet<>();
        for (List<Links> methods : byClass.values()) {
            List<List<String>> handedOver = methods.stream()
                    .filter(links -> !links.isLinking)
                    .flatMap(links -> links.signatures.stream())
                    .toList();
            for (Links links : methods) {
                if (links.isLinking) {
                    for (List<String> signature : links.signatures.isEmpty() ? handedOver : links.signatures) {
                        lines.addAll(lines(signature, links.options));
                    }
                }
            }
        }
        return lines;
    }

    private static List<String> lines(List<String> signature, List<String> options) {
        if (signature.contains(STRUCT)) {
            return STRUCTS.stream().map(type -> line(List.of(type), options)).toList();
        }
        return List.of(line(signature, options));
    }

    private static String line(List<String> signature, List<String> options) {
        List<String> parameters = signature.subList(1, signature.size()).stream()
                .map(type -> '"' + type + '"')
                .toList();
        String known = options.isEmpty() ? "" : ", \"options\": { " + String.join(", ", options) + " }";
        return "      { \"returnType\": \"" + signature.getFirst() + "\", \"parameterTypes\": ["
                + String.join(", ", parameters) + "]" + known + " }";
    }

    /// The classes that HeapMaker initialises by name.
    private static List<String> namedClasses(List<ClassModel> classes) {
        List<String> names = new ArrayList<>();
        for (ClassModel type : classes) {
            for (MethodModel method : type.methods()) {
                if (type.thisClass().asInternalName().equals("malloc4j/HeapMaker")
                        && method.methodName().stringValue().equals("initialiseTheRest")) {
                    for (CodeElement element : method.code().orElseThrow()) {
                        if (element instanceof ConstantInstruction pushed
                                && pushed.constantValue() instanceof String name
                                && !name.endsWith(".")) {
                            names.add("    { \"type\": \"malloc4j." + name + "\" }");
                        }
                    }
                }
            }
        }
        return names;
    }

    @Test
    void theFileHasEverySignatureAndEveryClassByName() throws IOException {
        List<ClassModel> classes = classes();
        Set<String> downcalls = downcalls(classes);
        List<String> named = namedClasses(classes);
        assertThat(downcalls).hasSizeGreaterThan(6);
        assertThat(named).hasSizeGreaterThan(15);
        String text = """
                {
                  "reflection": [
                REFLECTION
                  ],
                  "foreign": {
                    "downcalls": [
                DOWNCALLS
                    ]
                  }
                }
                """.replace("REFLECTION", String.join(",\n", named))
                .replace("DOWNCALLS", String.join(",\n", downcalls));
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.createDirectories(FILE.getParent());
            Files.writeString(FILE, text);
        }
        assertThat(FILE)
                .as("what native-image is told is out of date: run this test with -Ddocs.regenerate=true")
                .hasContent(text);
    }
}
