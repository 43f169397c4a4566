package malloc4j.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.resolver.AddressResolver;
import io.netty.util.ReferenceCounted;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import program.Echo;
import program.Refused;

/// Programs of their own that use Netty with these buffers, where nothing is allowed that later JDKs will not allow.
class ProcessTest {
    private static final List<String> STRICT =
            List.of("--sun-misc-unsafe-memory-access=deny", "--illegal-native-access=deny");
    private static final String ON_CLASS_PATH = "--enable-native-access=ALL-UNNAMED";

    @TempDir
    private Path directory;

    private static String path(Class<?>... types) throws URISyntaxException {
        List<String> locations = new ArrayList<>();
        for (Class<?> type : types) {
            Path location = Path.of(
                    type.getProtectionDomain().getCodeSource().getLocation().toURI());
            locations.add(location.toString());
        }
        return String.join(File.pathSeparator, locations);
    }

    private static String nettyPath() throws URISyntaxException {
        return path(ByteBuf.class, ReferenceCounted.class, Channel.class, AddressResolver.class);
    }

    private String run(List<String> options, String... more) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(STRICT);
        command.addAll(options);
        command.addAll(List.of(more));
        Path output = Files.createTempFile(directory, "output", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        boolean ended = process.waitFor(300, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        String text = Files.readString(output);
        assertThat(ended).as("ended in time; it printed: %s", text).isTrue();
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }

    private static void assertAllEchoedAndFreed(int mib, String text) {
        assertThat(text).contains("echoed " + (mib << 20)).doesNotContain("LEAK", "Exception");
        assertThat(text).containsPattern("allocated (\\d{3,}) freed \\1 live 0 used 0");
    }

    @Test
    void aServerAndItsClientLiveOnTheHeap() throws Exception {
        String classPath =
                path(Echo.class, Malloc4jByteBufAllocator.class, Heap.class) + File.pathSeparator + nettyPath();
        assertAllEchoedAndFreed(64, run(List.of(ON_CLASS_PATH), "-cp", classPath, Echo.class.getName(), "64"));
    }

    @Test
    void onTheModulePathTheHeapAloneNeedsNativeAccess() throws Exception {
        String modulePath = path(Malloc4jByteBufAllocator.class, Heap.class) + File.pathSeparator + nettyPath();
        assertAllEchoedAndFreed(
                1,
                run(
                        List.of(
                                "--enable-native-access=malloc4j",
                                "--add-modules=malloc4j.netty,io.netty.transport",
                                "-Dio.netty.leakDetection.level=paranoid"),
                        "-p",
                        modulePath,
                        "-cp",
                        path(Echo.class),
                        Echo.class.getName(),
                        "1"));
    }

    @Test
    void withoutNativeAccessEachAllocationSaysWhichFlagIsMissing() throws Exception {
        String classPath =
                path(Refused.class, Malloc4jByteBufAllocator.class, Heap.class) + File.pathSeparator + nettyPath();
        assertThat(run(List.of(), "-cp", classPath, Refused.class.getName()).lines())
                .filteredOn(line -> line.contains("IllegalCallerException"))
                .hasSize(2)
                .allSatisfy(line -> assertThat(line).contains("--enable-native-access=ALL-UNNAMED"));
    }

    @Test
    void withoutNettyTheJvmSaysWhichClassIsMissing() throws Exception {
        String classPath = path(Refused.class, Malloc4jByteBufAllocator.class, Heap.class);
        assertThat(run(List.of(ON_CLASS_PATH), "-cp", classPath, Refused.class.getName()))
                .contains("NoClassDefFoundError: io/netty/buffer/");
    }

    @Test
    void withoutTheHeapsJarTheJvmSaysWhichClassIsMissing() throws Exception {
        String classPath = path(Refused.class, Malloc4jByteBufAllocator.class) + File.pathSeparator + nettyPath();
        assertThat(run(List.of(ON_CLASS_PATH), "-cp", classPath, Refused.class.getName()))
                .contains("NoClassDefFoundError: malloc4j/Heap");
    }
}
