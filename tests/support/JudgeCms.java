// BouncyCastle as an independent judge, and as an independent writer, of CAdES signatures. Run as a single source file:
//
//   java -cp bcprov.jar:bcpkix.jar:bcutil.jar JudgeCms.java verify ROOT.pem < LIST
//       LIST has a line a signature: the signature's file, a tab, the content's file (or "-": attached); where there are
//       several signatures in the file, a tab and their number.
//       Prints "accepted FILE" or "rejected FILE: why".
//   java ... JudgeCms.java sign KEY.pem CERT.pem CA.pem CONTENT FOLDER
//       Writes what a reader must cope with:
//         ber.p7m              attached, indefinite lengths, content in several OCTET STRINGs
//         detached.p7s         detached, DER
//         unsorted-der.p7s     signed attributes not in DER order, signed over their DER
//         unsorted-wire.p7s    signed attributes not in DER order, signed as they stand
//         ski.p7s              the signer named by subjectKeyIdentifier

import java.io.File;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.Security;
import java.security.Signature;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Scanner;
import java.util.Set;

import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.cms.*;
import org.bouncycastle.asn1.ess.ESSCertIDv2;
import org.bouncycastle.asn1.ess.SigningCertificateV2;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.DigestCalculator;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.util.Store;

public class JudgeCms {
    static final String BC = "BC";

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        if (args.length == 2 && args[0].equals("verify"))
            verifyAll(certificate(args[1]));
        else if (args.length == 6 && args[0].equals("sign"))
            new Writer(args).writeAll();
        else
            throw new IllegalArgumentException("usage: verify ROOT | sign KEY CERT CA CONTENT FOLDER");
    }

    static X509Certificate certificate(String file) throws Exception {
        try (PEMParser parser = new PEMParser(new FileReader(file))) {
            return new JcaX509CertificateConverter().getCertificate((X509CertificateHolder) parser.readObject());
        }
    }

    // ---- judging -------------------------------------------------------------------------------------------------

    static void verifyAll(X509Certificate root) {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            String[] files = lines.nextLine().split("\t");
            try {
                verify(files[0], files[1], files.length > 2 ? Integer.parseInt(files[2]) : 1, root);
                System.out.println("accepted " + files[0]);
            } catch (Exception e) {
                System.out.println("rejected " + files[0] + ": " + e);
            }
        }
    }

    static void verify(String file, String content, int signers, X509Certificate root) throws Exception {
        byte[] bytes = Files.readAllBytes(Path.of(file));
        CMSSignedData data = content.equals("-") ? new CMSSignedData(bytes)
                : new CMSSignedData(new CMSProcessableFile(new File(content)), bytes);
        if (content.equals("-") && data.getSignedContent() == null)
            throw new CMSException("nothing is attached");
        if (data.getSignerInfos().size() != signers)
            throw new CMSException("not " + signers + " signers");
        for (SignerInformation signer : data.getSignerInfos()) {
            X509CertificateHolder holder =
                    (X509CertificateHolder) data.getCertificates().getMatches(signer.getSID()).iterator().next();
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(holder)))
                throw new CMSException("the signature does not verify");
            checkSigningCertificate(signer, holder);
            buildPath(data.getCertificates(), holder, root);
        }
    }

    // EN 319 122-1 §5.2.2.3, RFC 5035 §3: the first reference is the signer's own.
    static void checkSigningCertificate(SignerInformation signer, X509CertificateHolder holder) throws Exception {
        Attribute attribute = signer.getSignedAttributes().get(PKCSObjectIdentifiers.id_aa_signingCertificateV2);
        ESSCertIDv2 id = SigningCertificateV2.getInstance(attribute.getAttributeValues()[0]).getCerts()[0];
        if (!Arrays.equals(id.getCertHash(), digest(id.getHashAlgorithm(), holder.getEncoded())))
            throw new CMSException("signing-certificate-v2 is of another certificate");
    }

    static void buildPath(Store<X509CertificateHolder> store, X509CertificateHolder signer, X509Certificate root)
            throws Exception {
        JcaX509CertificateConverter converter = new JcaX509CertificateConverter().setProvider(BC);
        List<X509Certificate> certificates = new ArrayList<>();
        for (X509CertificateHolder holder : store.getMatches(null))
            certificates.add(converter.getCertificate(holder));
        X509CertSelector target = new X509CertSelector();
        target.setCertificate(converter.getCertificate(signer));
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(Set.of(new TrustAnchor(root, null)), target);
        parameters.setRevocationEnabled(false);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(certificates), BC));
        CertPathBuilder.getInstance("PKIX", BC).build(parameters);
    }

    static byte[] digest(AlgorithmIdentifier algorithm, byte[] bytes) throws Exception {
        DigestCalculator calculator = new JcaDigestCalculatorProviderBuilder().setProvider(BC).build().get(algorithm);
        try (OutputStream out = calculator.getOutputStream()) {
            out.write(bytes);
        }
        return calculator.getDigest();
    }

    // ---- writing -------------------------------------------------------------------------------------------------

    static class Writer {
        static final AlgorithmIdentifier SHA256 = new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256);
        static final AlgorithmIdentifier ECDSA = new AlgorithmIdentifier(X9ObjectIdentifiers.ecdsa_with_SHA256);

        final PrivateKey key;
        final X509Certificate certificate;
        final X509CertificateHolder holder;
        final List<X509Certificate> chain;
        final Path content;
        final Path folder;

        Writer(String[] args) throws Exception {
            try (PEMParser parser = new PEMParser(new FileReader(args[1]))) {
                key = new JcaPEMKeyConverter().setProvider(BC).getPrivateKey((PrivateKeyInfo) parser.readObject());
            }
            certificate = certificate(args[2]);
            holder = new X509CertificateHolder(certificate.getEncoded());
            chain = List.of(certificate, certificate(args[3]));
            content = Path.of(args[4]);
            folder = Path.of(args[5]);
        }

        void writeAll() throws Exception {
            SignerInfoGenerator byName = builder().build(
                    new JcaContentSignerBuilder("SHA256withECDSA").setProvider(BC).build(key), certificate);
            byte[] keyId = SubjectKeyIdentifier.fromExtensions(holder.getExtensions()).getKeyIdentifier();
            SignerInfoGenerator bySki = builder().build(
                    new JcaContentSignerBuilder("SHA256withECDSA").setProvider(BC).build(key), keyId);
            streamed("ber.p7m", byName);
            whole("detached.p7s", byName);
            whole("ski.p7s", bySki);
            unsorted("unsorted-der.p7s", true);
            unsorted("unsorted-wire.p7s", false);
        }

        JcaSignerInfoGeneratorBuilder builder() throws Exception {
            return new JcaSignerInfoGeneratorBuilder(
                    new JcaDigestCalculatorProviderBuilder().setProvider(BC).build())
                    .setSignedAttributeGenerator(new DefaultSignedAttributeTableGenerator(
                            new AttributeTable(signingCertificate())));
        }

        Attribute signingCertificate() throws Exception {
            SigningCertificateV2 value =
                    new SigningCertificateV2(new ESSCertIDv2(digest(SHA256, certificate.getEncoded())));
            return new Attribute(PKCSObjectIdentifiers.id_aa_signingCertificateV2, new DERSet(value));
        }

        void streamed(String name, SignerInfoGenerator signer) throws Exception {
            CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
            generator.addSignerInfoGenerator(signer);
            generator.addCertificates(new JcaCertStore(chain));
            generator.setBufferSize(1000);
            try (OutputStream file = new FileOutputStream(folder.resolve(name).toFile());
                    OutputStream out = generator.open(file, true)) {
                out.write(Files.readAllBytes(content));
            }
        }

        void whole(String name, SignerInfoGenerator signer) throws Exception {
            CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
            generator.addSignerInfoGenerator(signer);
            generator.addCertificates(new JcaCertStore(chain));
            CMSSignedData data = generator.generate(new CMSProcessableFile(content.toFile()), false);
            Files.write(folder.resolve(name), data.toASN1Structure().getEncoded("DER"));
        }

        // By hand: BouncyCastle itself always sorts.
        void unsorted(String name, boolean signDer) throws Exception {
            ASN1EncodableVector attributes = new ASN1EncodableVector();
            attributes.add(signingCertificate());
            attributes.add(new Attribute(CMSAttributes.messageDigest,
                    new DERSet(new DEROctetString(digest(SHA256, Files.readAllBytes(content))))));
            attributes.add(new Attribute(CMSAttributes.signingTime, new DERSet(new Time(new Date()))));
            attributes.add(new Attribute(CMSAttributes.contentType, new DERSet(CMSObjectIdentifiers.data)));
            ASN1Set wire = new DLSet(attributes);

            Signature signature = Signature.getInstance("SHA256withECDSA", BC);
            signature.initSign(key);
            signature.update(signDer ? new DERSet(attributes).getEncoded("DER") : wire.getEncoded("DL"));

            ASN1Sequence signer = new DLSequence(new ASN1Encodable[] {new ASN1Integer(1),
                    new IssuerAndSerialNumber(holder.toASN1Structure()), SHA256, new DLTaggedObject(false, 0, wire), ECDSA,
                    new DEROctetString(signature.sign())});
            ASN1EncodableVector certificates = new ASN1EncodableVector();
            for (X509Certificate each : chain)
                certificates.add(ASN1Primitive.fromByteArray(each.getEncoded()));
            SignedData data = new SignedData(new DLSet(SHA256), new ContentInfo(CMSObjectIdentifiers.data, null),
                    new DLSet(certificates), null, new DLSet(signer));
            Files.write(folder.resolve(name), new ContentInfo(CMSObjectIdentifiers.signedData, data).getEncoded("DL"));
        }
    }
}
