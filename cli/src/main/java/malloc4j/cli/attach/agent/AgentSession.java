package malloc4j.cli.attach.agent;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.net.URLClassLoader;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// The agent's end of a conversation: answers a command's requests until the command goes, dies, or is silent for too
/// long. Then whatever it has begun in the process ends.
///
/// ```
///   command                                agent
///   start BYTES MILLIS            ->       samples where nothing is sampled yet
///                                 <-       OK, FoundHeaps
///   profiles NANOS                ->       with live blocks of at least that age
///                                 <-       OK, how many, then of each its heap's number and its AllocationProfile
///   read METHODS                  ->       of each heap, such as footprint
///                                 <-       OK, as ReadHeaps writes it
///   trim BYTES                    ->       each heap gives back what it has beyond those
///                                 <-       OK, as ReadHeaps writes it
///   record MILLIS HEAP FILE       ->       a trace of one heap; both texts encoded as in a URL, HEAP may be empty
///                                 <-       OK, FoundRecording
///   stop                          ->       ends it
///                                 <-       OK
///   anything that fails           ->
///                                 <-       FAILED, why
/// ```
public final class AgentSession implements Runnable {
    /// First byte of an answer that is what was asked for.
    public static final int OK = 0;

    /// First byte of an answer that says why there is none.
    public static final int FAILED = 1;

    private static final long PATIENCE_MILLIS = 30_000;

    private final URLClassLoader loader;
    private final Path socket;
    private final ProfiledHeaps heaps;
    private final RecordedHeap recorded;
    private final ReadHeaps readHeaps;

    private long patienceMillis = PATIENCE_MILLIS;

    /// @param loader of this class, which is closed at the end
    public AgentSession(URLClassLoader loader, Path socket, Instrumentation instrumentation) {
        this.loader = loader;
        this.socket = socket;
        this.heaps = new ProfiledHeaps(instrumentation);
        this.recorded = new RecordedHeap(instrumentation);
        this.readHeaps = new ReadHeaps(instrumentation);
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void run() {
        try (loader;
                heaps;
                recorded;
                var channel = new MessageChannel(SocketChannel.open(UnixDomainSocketAddress.of(socket)))) {
            byte[] request = channel.receive(patienceMillis);
            while (request != null) {
                channel.send(answer(new String(request, StandardCharsets.UTF_8)), PATIENCE_MILLIS);
                request = channel.receive(patienceMillis);
            }
        } catch (Throwable failed) {
            // the command is gone or silent, and nobody else is to be told
        }
    }

    @SuppressWarnings("CatchingUnchecked")
    private byte[] answer(String request) {
        try {
            var answer = new ByteArrayOutputStream();
            answer.write(OK);
            try (var out = new ObjectOutputStream(answer)) {
                serve(request.split(" ", -1), out);
            }
            return answer.toByteArray();
        } catch (Throwable failed) {
            return failure(failed);
        }
    }

    private void serve(String[] words, ObjectOutputStream out) throws IOException, ReflectiveOperationException {
        switch (words[0]) {
            case "start" -> {
                patienceMillis = PATIENCE_MILLIS + Long.parseLong(words[2]);
                heaps.start(Long.parseLong(words[1])).writeTo(out);
            }
            case "record" -> {
                patienceMillis = PATIENCE_MILLIS + Long.parseLong(words[1]);
                recorded.start(decoded(words[2]), decoded(words[3])).writeTo(out);
            }
            case "read" -> readHeaps.write(words[1], out);
            case "trim" -> readHeaps.trim(Long.parseLong(words[1]), out);
            case "stop" -> recorded.stop();
            case "profiles" -> heaps.writeProfiles(Long.parseLong(words[1]), out);
            default -> throw new IllegalArgumentException("the agent does not know " + words[0]);
        }
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static byte[] failure(Throwable failed) {
        Throwable cause = failed instanceof InvocationTargetException call ? call.getCause() : failed;
        byte[] why = String.valueOf(cause).getBytes(StandardCharsets.UTF_8);
        byte[] answer = new byte[1 + why.length];
        answer[0] = FAILED;
        System.arraycopy(why, 0, answer, 1, why.length);
        return answer;
    }
}
