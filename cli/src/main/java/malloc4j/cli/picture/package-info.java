/// What the heap's records look like to people: drawings and tables as text, for the terminal and for a page.
@NullMarked
package malloc4j.cli.picture;

import org.jspecify.annotations.NullMarked;
