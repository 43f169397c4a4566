package malloc4j.process;

import java.io.IOException;

/// A file that is no core of a process with this library, or one that is cut or broken: what it is, in a few words that
/// follow its name.
///
/// @since 0.1.0
public final class UnreadableCoreException extends IOException {
    private static final long serialVersionUID = 1L;

    UnreadableCoreException(String what) {
        super(what);
    }
}
