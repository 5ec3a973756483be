-- Sets the passwords of the roles from psql's environment, because other users can see command lines.
\set ON_ERROR_STOP on
\getenv owner_password LLMPRICES_OWNER_PASSWORD
\getenv service_password LLMPRICES_SERVICE_PASSWORD
set password_encryption = 'scram-sha-256';
alter role llmprices_owner password :'owner_password';
alter role llmprices_service_a password :'service_password';
