package malloc4j.cli.playground;

import io.avaje.jsonb.Jsonb;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import malloc4j.process.MemoryLimits;

/// The program that has the playground: each line that it reads is a request, and is answered by a line. It ends when
/// its input does, also when the command that has started it was killed.
///
/// | request | does |
/// |---|---|
/// | `look` | nothing |
/// | `malloc COUNT BYTES POLICY` | allocates |
/// | `free NUMBER`, `touch NUMBER` | frees a block, writes it |
/// | `trim` | has the heaps give back what they can |
///
/// The answer is `ok ` and a [PlaygroundState], or `no ` and why not.
public final class PlaygroundChild {
    static final String OK = "ok ";
    static final String NO = "no ";

    private static final long USUAL_PAGE_BYTES = 4096;

    private PlaygroundChild() {}

    public static void main(String[] arguments) throws IOException {
        var answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        try (var requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                var heap = new PlaygroundHeap(MemoryLimits.read().pageBytes().orElse(USUAL_PAGE_BYTES))) {
            for (String request = requests.readLine(); request != null; request = requests.readLine()) {
                answers.println(answer(heap, request));
            }
        }
        System.exit(0);
    }

    private static String answer(PlaygroundHeap heap, String request) {
        try {
            return OK + Jsonb.instance().toJson(state(heap, request.split(" ", -1)));
        } catch (IllegalArgumentException | OutOfMemoryError refused) {
            return NO + String.valueOf(refused.getMessage()).replaceAll("\\s+", " ");
        }
    }

    private static PlaygroundState state(PlaygroundHeap heap, String[] words) {
        return switch (words[0]) {
            case "look" -> heap.look();
            case "malloc" ->
                heap.malloc(Integer.parseInt(words[1]), Long.parseLong(words[2]), Policy.valueOf(words[3]));
            case "free" -> heap.free(Integer.parseInt(words[1]));
            case "touch" -> heap.touch(Integer.parseInt(words[1]));
            case "trim" -> heap.trim();
            default -> throw new IllegalArgumentException("nothing is called " + words[0]);
        };
    }
}
