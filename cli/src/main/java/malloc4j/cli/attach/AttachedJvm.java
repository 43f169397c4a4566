package malloc4j.cli.attach;

import com.sun.tools.attach.AgentInitializationException;
import com.sun.tools.attach.AgentLoadException;
import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.agent.AgentSession;
import malloc4j.cli.attach.agent.MessageChannel;

/// A running JVM with the agent in it, which answers until this is closed or this command dies.
public final class AttachedJvm implements AutoCloseable {
    private static final int OLDEST_JAVA = 25; // which malloc4j needs
    private static final long ATTACH_SECONDS = 20; // the JDK gives up a JVM that is not attached to yet after 10
    private static final long ANSWER_MILLIS = 30_000;

    private static final String JDK_PATIENCE = "sun.tools.attach.attachTimeout"; // milliseconds

    private final long pid;
    private final MessageChannel channel;
    private final long answerMillis;

    private AttachedJvm(long pid, MessageChannel channel, long answerMillis) {
        this.pid = pid;
        this.channel = channel;
        this.answerMillis = answerMillis;
    }

    /// Attaches to a process and loads the agent into it.
    ///
    /// @throws CliException if that cannot be, in one line
    public static AttachedJvm attach(long pid) {
        return attach(pid, ATTACH_SECONDS, ANSWER_MILLIS);
    }

    /// The same with little patience: for who has another way.
    ///
    /// @param seconds that the process has to let itself be attached to, and then for each answer
    /// @throws NoAnswerException if it does not
    public static AttachedJvm attach(long pid, long seconds) {
        long millis = TimeUnit.SECONDS.toMillis(seconds);
        System.setProperty(JDK_PATIENCE, Long.toString(millis / 2)); // so that it ends, and removes what it has made
        return attach(pid, seconds, millis);
    }

    private static AttachedJvm attach(long pid, long seconds, long answerMillis) {
        JvmProcess process = JvmProcess.of(pid);
        if (ModuleLayer.boot().findModule("jdk.attach").isEmpty()) {
            throw new NoAnswerException(
                    "this Java cannot attach to others: run with a JDK, not with a JRE",
                    "it cannot be asked by a JRE, which has no jdk.attach");
        }
        try (Meeting meeting = Meeting.with(process)) {
            within(pid, seconds, () -> load(pid, meeting));
            MessageChannel channel = meeting.await(answerMillis);
            if (channel == null) {
                throw new NoAnswerException(
                        "process " + pid + " has loaded the agent, which does not answer", "its agent does not");
            }
            return new AttachedJvm(pid, channel, answerMillis);
        } catch (IOException unusable) {
            throw new NoAnswerException(
                    "process " + pid + ": its /tmp cannot be used: " + unusable.getMessage(),
                    "its /tmp cannot be used");
        }
    }

    /// Asks the agent.
    ///
    /// @param type of the records in the answer, and the only ones that are accepted
    /// @throws CliException if there is no answer, or it says why not
    ObjectInputStream ask(String request, Class<?>... type) throws IOException {
        var bytes = new ByteArrayInputStream(answer(request));
        if (bytes.read() != AgentSession.OK) {
            throw CliException.cannot(
                    "process " + pid + ": " + new String(bytes.readAllBytes(), StandardCharsets.UTF_8));
        }
        var in = new ObjectInputStream(bytes);
        in.setObjectInputFilter(new AcceptedRecords(type));
        return in;
    }

    private byte[] answer(String request) {
        try {
            channel.send(request.getBytes(StandardCharsets.UTF_8), answerMillis);
            byte[] answer = channel.receive(answerMillis);
            if (answer == null) {
                throw ended();
            }
            return answer;
        } catch (SocketTimeoutException silent) {
            throw new NoAnswerException(
                    "process " + pid + " does not answer any more: it is stopped or hung", "it is stopped or hung");
        } catch (IOException broken) {
            throw ended();
        }
    }

    /// Ends the command where the process has nothing to see.
    ///
    /// @param libraries copies of malloc4j that are loaded and new enough
    /// @param heaps that are open
    public void requireHeaps(int libraries, int heaps) {
        if (libraries == 0) {
            throw CliException.problem("process " + pid + " uses no malloc4j, or one too old for this");
        }
        if (heaps == 0) {
            throw CliException.problem("process " + pid + " has malloc4j, but no heap");
        }
    }

    /// Waits, unless the process ends.
    ///
    /// @throws CliException if it does
    public void pause(long millis) {
        if (endsWithin(millis)) {
            throw ended();
        }
    }

    /// Waits, unless the process ends. Returns whether it did.
    public boolean endsWithin(long millis) {
        try {
            return channel.receive(millis) == null;
        } catch (SocketTimeoutException passed) {
            return false;
        } catch (IOException broken) {
            return true;
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException broken) {
            // the agent sees the end of it all the same
        }
    }

    private CliException ended() {
        return CliException.cannot("process " + pid + " has ended meanwhile");
    }

    /// Does it in a thread of its own: a JVM that hangs takes the request and never answers.
    static void within(long pid, long seconds, Runnable attaching) {
        var task = new FutureTask<Boolean>(attaching, true);
        var thread = new Thread(task, "malloc4j-attaching");
        thread.setDaemon(true);
        thread.start();
        try {
            task.get(seconds, TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof CliException told) {
                throw told;
            }
            throw new IllegalStateException(failed.getCause());
        } catch (TimeoutException hung) {
            throw new NoAnswerException(
                    "process " + pid + " does not answer within " + seconds + " s: it hangs", "it hangs");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CliException.cannot("interrupted");
        }
    }

    private static void load(long pid, Meeting meeting) {
        String process = "process " + pid;
        try {
            VirtualMachine jvm = VirtualMachine.attach(Long.toString(pid));
            try {
                String version = jvm.getSystemProperties().getProperty("java.specification.version", "0");
                if (!version.matches("\\d{1,4}") || Integer.parseInt(version) < OLDEST_JAVA) {
                    throw CliException.problem(process + " runs on Java " + version + ", where there is no malloc4j");
                }
                jvm.loadAgent(meeting.jar(), meeting.folder());
            } finally {
                jvm.detach();
            }
        } catch (AttachNotSupportedException refused) {
            throw new NoAnswerException(
                    process + " does not let itself be attached to: " + refused.getMessage(),
                    "it does not let itself be attached to");
        } catch (AgentLoadException | AgentInitializationException refused) {
            throw new NoAnswerException(
                    process + " does not load the agent: " + refused.getMessage(), "it does not load the agent");
        } catch (IOException broken) {
            throw new NoAnswerException(
                    process + " cannot be attached to: " + broken.getMessage(), "it cannot be attached to");
        }
    }
}
