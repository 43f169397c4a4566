package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;

/// Maps every file of a directory as the JDK names it, and prints how many, and that what is in them is what the JDK
/// reads; then makes a heap on a file in a directory.
final class PathBytesChild {
    private PathBytesChild() {}

    public static void main(String[] arguments) throws Exception {
        int count = 0;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(arguments[0]))) {
            for (Path file : files) {
                try (Mapping mapping = Mapping.ofFile(file).map()) {
                    byte[] mapped = mapping.segment().toArray(JAVA_BYTE);
                    if (!java.util.Arrays.equals(mapped, Files.readAllBytes(file))) {
                        throw new AssertionError(file);
                    }
                    count++;
                }
            }
        }
        Path heapFile = Path.of(arguments[1]);
        HeapOptions options = HeapOptions.defaults().toBuilder()
                .source(MemorySource.FILE)
                .file(heapFile.toString())
                .build();
        try (Heap heap = Heap.create(options)) {
            heap.free(heap.malloc(100));
        }
        System.out.println(count + " mapped, the heap's file is there: " + Files.exists(heapFile));
    }
}
