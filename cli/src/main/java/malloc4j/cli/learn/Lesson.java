package malloc4j.cli.learn;

import java.util.List;

/// What a scene is about, before it is played.
///
/// @param name on the command line, one word
/// @param title a sentence without its full stop
/// @param teaser one line for a list: what is found out
/// @param why a paragraph for who has not met the matter yet
/// @param sources the classic texts
/// @param tries what to try oneself: a command, and what to look at
public record Lesson(String name, String title, String teaser, String why, List<Source> sources, List<Try> tries) {
    /// A text that claims are taken from.
    ///
    /// @param title as one cites it, such as `brk(2)`
    /// @param address of the text in the web
    public record Source(String title, String address) {
        /// A page of the Linux manual.
        static Source manual(String name, int section) {
            return new Source(
                    name + "(" + section + ")",
                    "https://man7.org/linux/man-pages/man" + section + "/" + name + "." + section + ".html");
        }
    }

    /// Something to do after the scene.
    ///
    /// @param command a line for a shell
    /// @param look what it shows
    public record Try(String command, String look) {}
}
