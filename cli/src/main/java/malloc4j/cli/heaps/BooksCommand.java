package malloc4j.cli.heaps;

import malloc4j.cli.CliException;
import malloc4j.cli.Target;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.attach.NoAnswerException;
import malloc4j.cli.heaps.BooksCommand.Look;
import malloc4j.process.HeapBooks;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// A command about the heaps of a program, which it asks; of one that does not answer, and of one that has died, it
/// reads the books from outside.
///
/// ```
///   PID   -> attach -> agent ------------------------------> look(HeapsAgent)
///              | no answer within some seconds, or --outside
///              v
///            /proc/PID/mem -> HeapBooks --------------------> look(HeapBooks)
///   CORE  -> file  ---------> HeapBooks ----------------------^
/// ```
///
/// @param <T> what one look gives of the heaps
abstract class BooksCommand<T> extends HeapsCommand<Look<T>> {
    private static final long PATIENCE_SECONDS = 6;

    /// What a look gives, and how it was made.
    ///
    /// @param pid of the process, 0 where a core does not tell
    /// @param who it is, as a sentence begins
    /// @param books where they were read from outside, else null
    record Look<T>(long pid, String who, T heaps, @Nullable HeapBooks books) {}

    @Parameters(
            paramLabel = "PID|CORE",
            converter = Target.Converter.class,
            description = "The process, or the core file of one that has died.")
    private @Nullable Target target;

    @Option(
            names = "--outside",
            description = "Do not ask the process: read its books from outside, as of one that does not answer.")
    private boolean outside;

    /// Asks the agent.
    protected abstract T look(HeapsAgent heaps);

    /// Reads the books.
    protected abstract T look(HeapBooks books);

    /// Whether there is something to look at: always, unless a command makes it optional.
    protected final boolean hasTarget() {
        return target != null;
    }

    /// What to look at.
    protected final Target target() {
        Target given = target;
        if (given == null) {
            throw wrongUsage("Missing required parameter: 'PID|CORE'");
        }
        return given;
    }

    @Override
    protected final long pid() {
        return target().pid();
    }

    @Override
    protected final View<Look<T>> open() {
        if (target().isCore()) {
            if (isWatching()) {
                throw wrongUsage("--watch is for a process, and " + target() + " is a core file: it stays as it is");
            }
            return outsideView();
        }
        return outside ? outsideView() : new Asking();
    }

    private View<Look<T>> outsideView() {
        return new BooksView<>(target(), books -> {
            String who = books.isCore()
                    ? "Core of process " + books.pid()
                    : "Process " + books.pid() + ", read from outside";
            return new Look<>(books.pid(), who, look(books), books);
        });
    }

    /// Asks as long as there are answers.
    private final class Asking implements View<Look<T>> {
        private View<Look<T>> view;

        Asking() {
            view = attached();
        }

        private View<Look<T>> attached() {
            try {
                return new AgentView<>(
                        AttachedJvm.attach(pid(), PATIENCE_SECONDS),
                        heaps -> new Look<>(pid(), "Process " + pid(), BooksCommand.this.look(heaps), null));
            } catch (NoAnswerException silent) {
                return afterSilence(silent);
            }
        }

        private View<Look<T>> afterSilence(NoAnswerException silent) {
            err().println("malloc4j: process " + pid() + " does not answer, " + silent.reason()
                    + ": its books are read from outside");
            err().flush();
            return outsideView();
        }

        @Override
        public Look<T> look() {
            try {
                return view.look();
            } catch (NoAnswerException silent) {
                view.close();
                view = afterSilence(silent);
                return view.look();
            }
        }

        @Override
        public boolean endsWithin(long millis) {
            return view.endsWithin(millis);
        }

        @Override
        public void close() {
            view.close();
        }
    }

    /// Ends the command where there is nothing to see.
    static void requireHeaps(HeapBooks books, String who) {
        if (!books.heaps().isEmpty()) {
            return;
        }
        if (books.libraries() == 0) {
            throw CliException.problem(who + " uses no malloc4j");
        }
        if (!books.otherVersions().isEmpty()) {
            throw CliException.problem(who + " uses a malloc4j whose books are of version "
                    + books.otherVersions().iterator().next()
                    + ", which is unknown here: it must be of the same release");
        }
        if (books.missingBytes() == 0) {
            throw CliException.problem(who + " has malloc4j, but no heap");
        }
        throw CliException.problem(
                books.isCore()
                        ? who + ": malloc4j's books are not in the core file, which was cut, or had them kept out by"
                                + " coredump_filter"
                        : who + " has malloc4j, whose books could not be read");
    }
}
