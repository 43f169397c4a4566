package malloc4j.cli.sites;

import java.io.IOException;

/// A program without malloc4j, which runs for as long as its standard input is open.
final class IdleChild {
    private IdleChild() {}

    public static void main(String[] arguments) throws IOException {
        System.out.println("ready");
        System.in.read();
    }
}
