package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/// A JVM that another program has loaded, whose first thread ends: then `/proc/self` tells no memory and no
/// descriptors.
class EndedFirstThreadJvmTest {
    /// Makes a JVM in a second thread, by JNI's table of functions, after the first has ended.
    private static final String LAUNCHER = """
            import ctypes, resource, sys, threading, time
            libjvm, class_path, main = sys.argv[1:4]
            LIMIT = 12 << 30
            resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
            class Option(ctypes.Structure):
                _fields_ = [("text", ctypes.c_char_p), ("extra", ctypes.c_void_p)]
            class Arguments(ctypes.Structure):
                _fields_ = [("version", ctypes.c_int), ("count", ctypes.c_int),
                            ("options", ctypes.POINTER(Option)), ("lenient", ctypes.c_ubyte)]
            def call(env, index, result, *arguments):
                table = ctypes.cast(env, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
                types = [ctypes.c_char_p if isinstance(a, bytes) else ctypes.c_void_p for a in arguments]
                return ctypes.CFUNCTYPE(result, ctypes.c_void_p, *types)(table[index])(env, *arguments)
            def run():
                while "State:\\tZ" not in open("/proc/self/status").read():
                    time.sleep(0.01)
                texts = ["-Djava.class.path=" + class_path, "--enable-native-access=ALL-UNNAMED", "-Xmx64m",
                         "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlimit=%d" % LIMIT]
                options = (Option * len(texts))(*[(text.encode(), None) for text in texts])
                arguments = Arguments(0x00150000, len(texts), options, 0)
                vm, env = ctypes.c_void_p(), ctypes.c_void_p()
                create = ctypes.CDLL(libjvm).JNI_CreateJavaVM
                status = create(ctypes.byref(vm), ctypes.byref(env), ctypes.byref(arguments))
                assert status == 0, status
                cls = call(env, 6, ctypes.c_void_p, main.encode())
                method = call(env, 113, ctypes.c_void_p, cls, b"main", b"([Ljava/lang/String;)V") if cls else None
                if method:
                    call(env, 143, None, cls, method, (ctypes.c_void_p * 1)(None))
                call(env, 16, None)
                sys.stdout.flush()
                ctypes.CDLL(None)._exit(0)
            threading.stack_size(8 << 20)
            threading.Thread(target=run).start()
            ctypes.CDLL(None).pthread_exit(None)
            """;

    @Test
    void allIsToldByTheThreadThatAsks() throws Exception {
        Path python = Path.of("/usr/bin/python3");
        Path jvm = Path.of(System.getProperty("java.home"), "lib/server/libjvm.so");
        assumeTrue(Files.isExecutable(python) && Files.exists(jvm), "there is no python3, or no such JVM here");
        Process process = new ProcessBuilder(
                        python.toString(),
                        "-c",
                        LAUNCHER,
                        jvm.toString(),
                        System.getProperty("java.class.path"),
                        EndedFirstThreadChild.class.getName().replace('.', '/'))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).contains("all is told");
    }
}
