/// `malloc4j doctor`: what is wrong with memory here, and the fix.
@NullMarked
package malloc4j.cli.doctor;

import org.jspecify.annotations.NullMarked;
