package malloc4j.cli.heaps;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import malloc4j.cli.CliException;
import malloc4j.cli.Target;
import malloc4j.process.HeapBooks;
import malloc4j.process.UnreadableCoreException;
import malloc4j.process.UnreadableProcessException;

/// Looks at a program from outside, or at what it has left.
record BooksView<T>(Target target, Function<HeapBooks, T> looking) implements HeapsCommand.View<T> {
    @Override
    public T look() {
        HeapBooks books = read();
        BooksCommand.requireHeaps(books, target.isCore() ? target.toString() : "process " + target.pid());
        return looking.apply(books);
    }

    private HeapBooks read() {
        try {
            return target.isCore() ? HeapBooks.ofCore(target.core()) : HeapBooks.of(target.pid());
        } catch (UnreadableCoreException broken) {
            throw CliException.problem(target + ": " + broken.getMessage());
        } catch (IOException unreadable) {
            throw CliException.cannot(target + ": cannot be read: " + unreadable.getMessage());
        } catch (IllegalArgumentException wrong) {
            throw CliException.wrongUsage(String.valueOf(wrong.getMessage()));
        } catch (UnreadableProcessException unreadable) {
            if (!unreadable.isGone()) {
                throw CliException.cannot(String.valueOf(unreadable.getMessage()));
            }
            boolean isMissing = unreadable.errnoName().equals("ENOENT");
            throw CliException.wrongUsage(
                    "process " + target.pid() + (isMissing ? ": " + unreadable.advice() : " has ended"));
        }
    }

    @Override
    public boolean endsWithin(long millis) {
        try {
            ProcessHandle process = ProcessHandle.of(target.pid()).orElse(null);
            if (process != null) {
                ProcessHandle unused = process.onExit().get(millis, TimeUnit.MILLISECONDS);
            }
            return true;
        } catch (TimeoutException passed) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CliException.cannot("interrupted");
        } catch (ExecutionException failed) {
            throw new IllegalStateException(failed.getCause());
        }
    }

    @Override
    public void close() {
        // each look opens what it reads
    }
}
