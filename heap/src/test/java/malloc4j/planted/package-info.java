/// Programs with one bug each, planted by somebody who did not know how it would be looked for.
package malloc4j.planted;
