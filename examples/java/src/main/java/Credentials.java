import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.io.IOException;
import java.util.concurrent.Executor;

/** Reads TLS and a token from the environment. */
class Credentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /**
   * TLS if LLMPRICES_CA_FILE names the authority, else plaintext, and the token in LLMPRICES_TOKEN.
   */
  static ChannelCredentials fromEnvironment() throws IOException {
    var caFile = System.getenv("LLMPRICES_CA_FILE");
    var token = System.getenv("LLMPRICES_TOKEN");
    var transport =
        caFile == null
            ? InsecureChannelCredentials.create()
            : TlsChannelCredentials.newBuilder().trustManager(new File(caFile)).build();
    if (token == null) return transport;
    return CompositeChannelCredentials.create(transport, new BearerToken(token));
  }

  /** Sends a token with every call. */
  private static class BearerToken extends CallCredentials {
    private final String token;

    BearerToken(String token) {
      this.token = token;
    }

    @Override
    public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
      if (call.getSecurityLevel() != SecurityLevel.PRIVACY_AND_INTEGRITY) {
        applier.fail(Status.UNAUTHENTICATED.withDescription("a token is sent over TLS only"));
        return;
      }
      var headers = new Metadata();
      headers.put(AUTHORIZATION, "Bearer " + token);
      applier.apply(headers);
    }
  }
}
