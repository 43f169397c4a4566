package malloc4j.cli;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// A command that reads or measures something, and shows it: as text for people, or with `--json` as one JSON
/// document and nothing else. A new one says what it reads, how that looks, and how it ends.
///
/// ```
///   read()  ->  document(..)  ->  JSON            with --json
///           ->  render(.., Page)                  else
///           ->  exitCode(..)                      0 unless it says otherwise
/// ```
///
/// What is wrong is thrown: [#wrongUsage] for what was typed, a [CliException] for everything else.
///
/// @param <T> what is read
public abstract class ReportCommand<T> implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Option(names = "--json", description = "Print one JSON document instead of text.")
    private boolean json;

    /// Reads or measures what the command is about.
    protected abstract T read() throws IOException;

    /// What `--json` prints: a record whose field names are a contract. What was read, unless overridden.
    protected Object document(T subject) {
        return subject;
    }

    /// Shows it to people.
    protected abstract void render(T subject, Page page);

    /// How the command ends when all was shown; it may tell failures on [#err].
    protected int exitCode(T subject) {
        return 0;
    }

    @Override
    public Integer call() throws IOException {
        T subject = read();
        show(() -> document(subject), page -> render(subject, page));
        return exitCode(subject);
    }

    /// Shows something: its document with `--json`, else the text.
    protected final void show(Supplier<Object> document, Consumer<Page> text) {
        if (json) {
            printJson(Jsonb.instance().toJsonPretty(document.get()));
        } else {
            show(text);
        }
    }

    /// Shows one of many readings: as text, or as one line of JSON.
    protected final void showNext(T subject) {
        if (json) {
            printJson(Jsonb.instance().toJson(document(subject)));
        } else {
            show(page -> render(subject, page));
        }
    }

    private void printJson(String document) {
        PrintWriter out = out();
        out.println(document);
        out.flush();
    }

    private void show(Consumer<Page> text) {
        Page page = page();
        text.accept(page);
        page.flush();
    }

    /// Whether text is wanted, so that parts of it may be shown as they come.
    protected final boolean isText() {
        return !json;
    }

    /// Where text for people goes.
    protected final Page page() {
        return new Page(out(), Terminal.columns());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    protected final PrintWriter err() {
        return spec.commandLine().getErr();
    }

    /// Ends the command, because of what was typed.
    protected final ParameterException wrongUsage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /// The command as picocli knows it.
    protected final CommandSpec spec() {
        return spec;
    }
}
