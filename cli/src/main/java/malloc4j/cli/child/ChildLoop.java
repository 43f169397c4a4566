package malloc4j.cli.child;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import malloc4j.peers.AllocatorAbsent;

/// The child's end of a [ChildProcess]: each line on standard input is answered by one line on standard output that
/// begins with [#ANSWER], until the input ends.
///
/// `absent REASON` answers when the allocator is not installed, `failed REASON` when anything else goes wrong.
/// After either the child ends.
public final class ChildLoop {
    static final String ANSWER = "answer: ";

    private ChildLoop() {}

    /// What a child does.
    public interface Answering {
        /// The answer to a question: one line, whose first word says what it is.
        String answer(String question) throws Throwable;
    }

    /// Makes what answers, answers until the input ends, and ends the JVM.
    public static void run(Callable<Answering> maker) {
        var answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        try (var questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            Answering answering = maker.call();
            for (String question = questions.readLine(); question != null; question = questions.readLine()) {
                answers.println(ANSWER + answering.answer(question));
            }
        } catch (Throwable e) {
            Throwable cause = ChildFailure.cause(e);
            answers.println(
                    cause instanceof AllocatorAbsent
                            ? ANSWER + "absent " + cause.getMessage()
                            : ANSWER + "failed " + ChildFailure.describe(cause));
        }
        System.exit(0);
    }
}
