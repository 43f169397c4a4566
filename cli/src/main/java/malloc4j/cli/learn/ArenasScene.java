package malloc4j.cli.learn;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;

/// What allocators do about threads.
final class ArenasScene implements Scene {
    private static final int THREADS = 24;
    private static final int FEW_THREADS = 1;
    private static final int CACHE_THREADS = 8;
    private static final int ARENAS_A_PROCESSOR = 8; // glibc, on 64 bits
    private static final long BLOCK_BYTES = 100;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "arenas",
                "Threads get arenas of their own",
                "why a program with many threads has many mappings of 64 MiB",
                "One heap with one lock makes all threads wait for each other. glibc gives a thread that has to"
                        + " wait, and each new one, an arena of its own: another heap, in a reservation of 64 MiB,"
                        + " up to eight a processor. That is fast, and it costs memory: what one thread has freed"
                        + " does not serve another, and each arena keeps its own holes. So servers with many threads"
                        + " are often run with MALLOC_ARENA_MAX=2. Other allocators give threads small caches in"
                        + " front of memory that all share.",
                List.of(
                        Source.manual("mallopt", 3),
                        new Source("glibc wiki: Malloc Internals", "https://sourceware.org/glibc/wiki/MallocInternals"),
                        new Source(
                                "Berger et al.: Hoard, ASPLOS 2000", "https://dl.acm.org/doi/10.1145/378993.379232")),
                List.of(
                        new Try("./malloc4j who PID", "how much of a process glibc's arenas hold"),
                        new Try(
                                "MALLOC_ARENA_MAX=1 ./malloc4j who self",
                                "the same of a JVM that has none but the first")));
    }

    @Override
    public void play(Stage stage) throws IOException {
        if (CLibrary.obstacle() == null) {
            playByGlibc(stage);
        }
        playHere(stage);
    }

    private static void playByGlibc(Stage stage) throws IOException {
        long limit = ARENAS_A_PROCESSOR * processors();
        long few = count("", FEW_THREADS);
        long many = count("", THREADS);
        stage.step("A JVM starts 1 thread that calls the C library's malloc, another JVM 24 of them. Both have"
                        + " a dozen threads of their own besides.")
                .count("with 1 thread", few, "heaps")
                .count("with 24 threads", many, "heaps")
                .bytes("addresses that these have reserved", many << ArenaCount.WINDOW_SHIFT)
                .claim(
                        "With threads come arenas: each has its heap, a reservation of 64 MiB.",
                        few >= 1 && many >= few && many > 1);
        stage.step("With the one of the brk heap, how many may there be?")
                .count("the machine has", processors(), "processors")
                .count("at most, by the manual", limit, "arenas")
                .count("with 24 threads there are", many + 1, "arenas")
                .claim("There are at most eight arenas a processor; then threads share.", many < limit);
        long one = count("1", THREADS);
        stage.step("The same 24 threads with MALLOC_ARENA_MAX=1.")
                .count("with 24 threads", one, "heaps")
                .claim("MALLOC_ARENA_MAX limits them: with 1 all threads share the brk heap.", one == 0);
    }

    /// Of the machine: a thread that may not run on all of them counts them all the same.
    private static long processors() {
        return Arrays.stream(Self.word("/sys/devices/system/cpu/online").split(",", -1))
                .filter(range -> range.matches("\\d+(-\\d+)?"))
                .mapToLong(ArenasScene::size)
                .sum();
    }

    private static long size(String range) {
        int dash = range.indexOf('-');
        return dash < 0 ? 1 : Long.parseLong(range.substring(dash + 1)) - Long.parseLong(range.substring(0, dash)) + 1;
    }

    /// How many heaps glibc's arenas have in a JVM with so many threads.
    private static long count(String arenaMax, int threads) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx32m",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-XX:ErrorFile=/dev/null",
                "-XX:-CreateCoredumpOnCrash",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                ArenaCount.class.getName(),
                Integer.toString(threads)));
        var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().remove("MALLOC_ARENA_MAX");
        if (!arenaMax.isEmpty()) {
            builder.environment().put("MALLOC_ARENA_MAX", arenaMax);
        }
        Process process = builder.start();
        try {
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!printed.matches("\\d+")) {
                throw new IOException("a JVM that counts arenas printed '" + printed + "'");
            }
            return Long.parseLong(printed);
        } finally {
            process.destroyForcibly();
        }
    }

    private static void playHere(Stage stage) {
        try (Heap heap = Heap.create(HeapOptions.builder().name("arenas").build())) {
            heap.free(heap.malloc(BLOCK_BYTES));
            int one = heap.statistics().threadCaches();
            runAtOnce(heap);
            int eight = heap.statistics().threadCaches();
            runAtOnce(heap);
            int again = heap.statistics().threadCaches();
            stage.step("A heap of this project is used by one thread, then by 8 more at once, and when these"
                            + " have ended by 8 others.")
                    .count("with one thread", one, "caches")
                    .count("with 8 more", eight, "caches")
                    .count("with 8 others", again, "caches")
                    .claim(
                            "Threads may have caches before one common heap; a cache outlives its thread and serves"
                                    + " the next one.",
                            one == 1 && eight == 1 + CACHE_THREADS && again == eight);
        }
    }

    private static void runAtOnce(Heap heap) {
        CountDownLatch allThere = new CountDownLatch(CACHE_THREADS);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CACHE_THREADS; i++) {
            threads.add(Thread.ofPlatform().daemon().start(() -> {
                long block = heap.malloc(BLOCK_BYTES);
                allThere.countDown();
                try {
                    allThere.await();
                } catch (InterruptedException nobodyDoes) {
                    Thread.currentThread().interrupt();
                }
                heap.free(block);
            }));
        }
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException nobodyDoes) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
