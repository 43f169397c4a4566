package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import malloc4j.linux.SharedMemory.Access;

/// The other process of [SharedMemoryProcessesTest]: does what its first argument says, and tells what it sees.
final class SharedMemoryPeer {
    private static final BufferedReader IN =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private SharedMemoryPeer() {}

    public static void main(String[] arguments) throws IOException {
        String argument = arguments.length > 1 ? arguments[1] : "";
        switch (arguments[0]) {
            case "answer" -> {
                try (SharedMemory memory = SharedMemory.open(argument, Access.READ_WRITE)) {
                    answer(memory);
                }
            }
            case "answer process" -> {
                int fd = Integer.parseInt(arguments[2]);
                try (SharedMemory memory = SharedMemory.openProcess(Long.parseLong(argument), fd, Access.READ_WRITE)) {
                    answer(memory);
                }
            }
            case "offer anonymous" -> {
                try (SharedMemory memory = SharedMemory.anonymous("offered", 1 << 20);
                        Mapping mapping = memory.map()) {
                    mapping.segment().set(JAVA_LONG, (1 << 20) - 8, 4711);
                    tell(memory.fd() + "");
                    hear();
                    tell(mapping.segment().get(JAVA_LONG, 0) + "");
                    hear();
                }
            }
            case "create" -> {
                SharedMemory memory = SharedMemory.create(argument, 1 << 20);
                tell(memory.hold(7) + "");
                hear();
            }
            case "create and close all but the mapping" -> {
                SharedMemory memory = SharedMemory.create(argument, 1 << 20);
                Mapping mapping = memory.map(Access.READ_ONLY, 4096, 4096);
                memory.close();
                tell("mapped");
                hear();
                mapping.close();
                tell("unmapped");
                hear();
            }
            case "open" -> {
                try (SharedMemory memory = SharedMemory.open(argument, Access.READ_ONLY);
                        Mapping mapping = memory.map()) {
                    tell(mapping.segment().get(JAVA_LONG, 0) + "");
                    hear();
                }
            }
            case "try all" -> {
                attempt(() -> SharedMemory.open(argument, Access.READ_ONLY).close());
                attempt(() -> SharedMemory.open(argument, Access.READ_WRITE).close());
                attempt(() -> SharedMemory.unlink(argument));
                attempt(() -> tell(SharedMemory.status(argument).orElseThrow().liveness() + ""));
                attempt(() -> tell(SharedMemory.removeStale(argument) + ""));
                hear();
            }
            case "create with modes" -> {
                try (SharedMemory memory = SharedMemory.create(
                        argument, 5000, SharedMemoryOptions.builder().mode(0666).build())) {
                    tell(Integer.toOctalString(memory.mode()));
                    memory.setMode(0642);
                    tell(Integer.toOctalString(memory.mode()));
                    hear();
                }
                attempt(() -> SharedMemory.unlink(argument));
            }
            case "fill" -> {
                attempt(() -> SharedMemory.create(argument, 3 << 20).close());
                tell(SharedMemory.list().size() + "");
                attempt(() -> SharedMemory.create(argument, 1 << 19).close()); // the room is free again
                try (SharedMemory memory = SharedMemory.open(argument, Access.READ_WRITE)) {
                    attempt(() -> memory.resize(3 << 20));
                    tell(memory.byteSize() + "");
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /// Reads a word, and writes one more in the next place and in the last.
    private static void answer(SharedMemory memory) throws IOException {
        try (Mapping mapping = memory.map()) {
            long word = mapping.segment().get(JAVA_LONG, 0);
            mapping.segment().set(JAVA_LONG, 8, word + 1);
            mapping.segment().set(JAVA_LONG, mapping.byteSize() - 8, word + 2);
            tell("answered");
            hear();
            tell(mapping.segment().get(JAVA_LONG, 16) + "");
        }
    }

    private static void attempt(Runnable action) {
        try {
            action.run();
            tell("done");
        } catch (SystemCallException refused) {
            tell(refused.errnoName() + " " + refused.getMessage());
        }
    }

    private static void tell(String line) {
        System.out.println(line);
    }

    private static void hear() throws IOException {
        if (IN.readLine() == null) {
            throw new IOException("the test has ended");
        }
    }
}
