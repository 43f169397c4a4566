package malloc4j.internal.proc;

import java.io.IOException;

/// A file that is no core, or one that cannot be understood: what it is, in a few words that follow its name.
public final class BrokenCoreException extends IOException {
    private static final long serialVersionUID = 1L;

    public BrokenCoreException(String what) {
        super(what);
    }
}
