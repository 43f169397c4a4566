package malloc4j.cli.picture;

import java.util.List;
import java.util.StringJoiner;

/// A call that something was done by, with its stack.
public final class CallPicture {
    private CallPicture() {}

    /// A title, then a frame on each line.
    ///
    /// @param isCut whether there were more frames
    public static String of(String title, List<String> stack, boolean isCut) {
        StringJoiner text = new StringJoiner("\n", "", "\n");
        text.add("  " + Texts.printable(title) + (stack.isEmpty() ? "" : ":"));
        stack.forEach(frame -> text.add("    at " + Texts.printable(frame)));
        if (isCut) {
            text.add("    ...");
        }
        return text.toString();
    }

    /// Words from elsewhere, with a capital and a full stop.
    public static String sentence(String words) {
        return printable(Character.toUpperCase(words.charAt(0)) + words.substring(1)) + ".";
    }

    /// Words from elsewhere, without what would steer a terminal.
    public static String printable(String words) {
        return Texts.printable(words);
    }
}
